"""Short questions with four choices: comparison, place, sum and category."""

import words as w
from reasoning_words import (
    ATTRIBUTES,
    CARRIES,
    CATEGORIES,
    COUNTED,
    GETS,
    GIVES,
    GOES_TO,
    HAS,
    HOW_MANY,
    IS_AT,
    MEMBERS,
    MOST,
    PORTABLE,
    ROOMS,
    SHOWN,
    TOGETHER,
    WHERE,
    WHICH,
)


def place(room, language, goal=False):
    if language == "en":
        return f"to the {room[0]}" if goal else f"{room[1]} the {room[0]}"
    if language == "de":
        return f"{room[4 if goal else 3]} {room[2]}"
    if language == "fr":
        # The table's cells are stripped, so the space after the article is added here.
        return room[6] + ("" if room[6].endswith("'") else " ") + room[5]
    return room[7] if language == "ja" else room[8]


def draw(rng, number):
    kind = ["compare", "place", "sum", "category"][number % 4]
    people = rng.sample(range(len(w.NAMES)), 4)
    item = {"kind": kind, "people": people, "answer": (number // 4) % 4}
    if kind == "compare":
        item["attribute"] = rng.randrange(len(ATTRIBUTES))
        item["pole"] = rng.randrange(2)
        # Each fact joins neighbours in the order of `people`, from most to least.
        item["facts"] = rng.sample(range(3), 3) if rng.random() < 0.5 else [0, 1, 2]
        item["forms"] = [rng.choices(["more", "less", "not"], [6, 3, 1])[0] for _ in range(3)]
        right = 0 if item["pole"] == 0 else 3
        item["key"] = (kind, item["attribute"], item["pole"], tuple(people))
        wrong = [i for i in range(4) if i != right]
    elif kind == "place":
        item["form"] = rng.choice(["one", "two", "thing"])
        item["rooms"] = rng.sample(range(len(ROOMS)), 4)
        item["thing"] = rng.choice([i for i, o in enumerate(w.OBJECTS) if o[0] in PORTABLE])
        # `rooms` are those of the first, second and third sentence, then one that is not mentioned.
        item["about"] = rng.randrange(2) if item["form"] == "two" else 0
        right = {"one": 2, "two": 1 if item["about"] else 2, "thing": 2}[item["form"]]
        item["key"] = (kind, item["form"], item["about"], tuple(people[:2]), tuple(item["rooms"]), item["thing"])
        wrong = [i for i in range(4) if i != right]
    elif kind == "sum":
        item["form"] = rng.choice(["gets", "gives", "together"])
        item["thing"] = rng.randrange(len(COUNTED))
        a, b = rng.randrange(2, 10), rng.randrange(2, 10)
        if item["form"] == "gives":
            a, b = max(a, b) + 2, min(a, b)
        item["numbers"] = (a, b)
        right = a - b if item["form"] == "gives" else a + b
        near = [n for n in {a, b, a + b, abs(a - b), right - 1, right + 1, right + 2, right - 2} if n > 1 and n != right]
        wrong = rng.sample(sorted(near), 3)
        item["key"] = (kind, item["form"], item["thing"], item["numbers"], people[0])
    else:
        groups = rng.sample(range(len(CATEGORIES)), 4)
        item["members"] = [rng.choice([i for i, m in enumerate(MEMBERS) if int(m[0]) == g]) for g in groups]
        item["asked"] = rng.randrange(4)
        right = item["asked"]
        item["key"] = (kind, right, tuple(item["members"]))
        wrong = [i for i in range(4) if i != right]
    rng.shuffle(wrong)
    item["choices"] = wrong[: item["answer"]] + [right] + wrong[item["answer"]:]
    return item


def compare_fact(language, attribute, form, high, low):
    """One comparison of two names; `high` has more of the attribute's first pole."""
    pole, a, b = (0, high, low) if form == "more" else (1, low, high)
    if form == "not":
        pole = 0
    word = ATTRIBUTES[attribute][language][pole]
    na, nb = w.name(a, language), w.name(b, language)
    feminine = w.gender(a) == "f"
    if form == "not":
        return {
            "en": lambda: f"{na} is not as {word[2]} as {nb}.",
            "de": lambda: f"{na} ist nicht so {word[2]} wie {nb}.",
            "fr": lambda: f"{na} n'est pas aussi {word[feminine]} {w.elide('que', nb)}.",
            "ja": lambda: f"{na}は{nb}ほど{word[1]}ありません。",
            "zh": lambda: f"{na}没有{nb}{word[0]}。",
        }[language]()
    return {
        "en": lambda: f"{na} is {word[0]} than {nb}.",
        "de": lambda: f"{na} ist {word[0]} als {nb}.",
        "fr": lambda: f"{na} est plus {word[feminine]} {w.elide('que', nb)}.",
        "ja": lambda: f"{na}は{nb}より{word[0]}です。",
        "zh": lambda: f"{na}比{nb}{word[0]}。",
    }[language]()


def compare(item, language, rng):
    people = [w.NAMES[i] for i in item["people"]]
    facts = [compare_fact(language, item["attribute"], item["forms"][i], people[i], people[i + 1]) for i in item["facts"]]
    word = ATTRIBUTES[item["attribute"]][language][item["pole"]]
    most = {"en": word[1], "de": word[1], "zh": word[1], "fr": word[0]}.get(language, word[0])
    if language == "ja" and not most.endswith("い"):
        most += "な"
    question = rng.choice(MOST[language]).format(m=most)
    return facts, question, [w.name(people[i], language) for i in item["choices"]]


def where(item, language, rng):
    a, b = (w.name(w.NAMES[i], language) for i in item["people"][:2])
    rooms = [ROOMS[i] for i in item["rooms"]]
    at = [place(r, language) for r in rooms]
    to = [place(r, language, goal=True) for r in rooms]
    x = x_acc = (a, b)[item["about"]]
    there, finds = "にいます", "に会えます"
    if item["form"] == "one":
        facts = [IS_AT[language][0].format(a=a, at=at[0])]
        facts += [rng.choice(GOES_TO[language]).format(a=a, to=to[i]) for i in (1, 2)]
    elif item["form"] == "two":
        facts = [rng.choice(IS_AT[language][:2]).format(a=p, at=at[i]) for i, p in enumerate((a, b))]
        facts.append(rng.choice(GOES_TO[language]).format(a=a, to=to[2]))
    else:
        thing = w.OBJECTS[item["thing"]]
        x, x_acc = w.the_noun(thing, language), w.the_noun(thing, language, "acc")
        there, finds = "にあります", "が見つかります"
        start = {"ja": f"{x}は{at[0]}にあります。"}.get(language) or IS_AT[language][0].format(a=x, at=at[0])
        it = {"m": "ihn", "f": "sie", "n": "es"}[thing[2]]
        facts = [start, IS_AT[language][1].format(a=b, at=at[1])]
        # The order of the first two sentences must not give the place away.
        if item["people"][0] % 2:
            facts.reverse()
            facts.append({
                "en": f"{a} takes {x} {to[2]}.", "de": f"{a} bringt {x_acc} {to[2]}.", "fr": f"{a} emporte {x} {to[2]}.",
                "ja": f"{a}は{x}を{to[2]}へ運びます。", "zh": f"{a}把{x}拿到{to[2]}。",
            }[language])
        else:
            facts = [facts[0], rng.choice(CARRIES[language]).format(a=a, it=it, to=to[2]), facts[1]]
    question = rng.choice(WHERE[language]).format(x=x, x_acc=x_acc, there=there, finds=finds)
    columns = {"en": 0, "de": 2, "fr": 5, "ja": 7, "zh": 8}
    return facts, question, [rooms[i][columns[language]] for i in item["choices"]]


def total(item, language, rng):
    a, b = (w.NAMES[i] for i in item["people"][:2])
    g = w.gender(a)
    things = w.phrase(COUNTED[item["thing"]], language)
    f = {
        "a": w.name(a, language), "b": w.name(b, language), "things": things, "n": item["numbers"][1],
        "of_things": w.elide("de", things),
        "he": "elle" if g == "f" else "il",
        "him": {"en": {"m": "him", "f": "her"}, "de": {"m": "ihm", "f": "ihr"}, "zh": {"m": "他", "f": "她"}}
        .get(language, {"m": "", "f": ""})[g],
    }
    first = HAS[language].format(a=f["a"], n=item["numbers"][0], things=things)
    if item["form"] == "together":
        second = HAS[language].format(a=f["b"], n=f["n"], things=things)
        question = rng.choice(TOGETHER[language])
        if language == "fr" and w.gender(a) == w.gender(b) == "f":
            question = question.replace("ont-ils", "ont-elles")
        if language == "zh" and w.gender(a) == w.gender(b) == "f":
            question = question.replace("他们", "她们")
    else:
        second = rng.choice({"gets": GETS, "gives": GIVES}[item["form"]][language]).format(**f)
        question = rng.choice(HOW_MANY[language])
    return [first, second], question.format(**f), [str(n) for n in item["choices"]]


def an(member, language):
    """The noun with its indefinite article, as an object."""
    if language == "en":
        return w.en_a(member[1])
    if language == "de":
        return f"{w.DE_A_ACC[member[3]]} {member[2]}"
    if language == "fr":
        return f"{w.FR_A[member[5]]} {member[4]}"
    return member[6] if language == "ja" else member[7]


def category(item, language, rng):
    members = [MEMBERS[i] for i in item["members"]]
    slots = dict(zip("abcd", (an(m, language) for m in members)))
    names = [w.name(w.NAMES[i], language) for i in item["people"][:2]]
    shown = rng.choice(SHOWN[language]).format(name=names[0], name2=names[1], **slots)
    asked = w.phrase(CATEGORIES[int(members[item["asked"]][0])], language)
    question = rng.choice(WHICH[language]).format(cat=asked)
    columns = {"en": 1, "de": 2, "fr": 4, "ja": 6, "zh": 7}
    facts = shown.replace(". ", ".\n").split("\n")
    return facts, question, [members[i][columns[language]] for i in item["choices"]]


def render(item, language, rng):
    kinds = {"compare": compare, "place": where, "sum": total, "category": category}
    facts, question, choices = kinds[item["kind"]](item, language, rng)
    joint = "" if language in ("ja", "zh") else " "
    text = joint.join(w.cap(s) for s in [*facts, question])
    return {"question": text, "choices": choices, "answer": item["answer"]}
