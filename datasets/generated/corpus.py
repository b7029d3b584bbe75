"""Plain passages of the same little world, without a task: news, opinions and small facts."""

import reasoning
import sentiment
import summaries
import words as w


def conclusion(item, language, choices):
    """States what a question of `reasoning` asks, as a sentence of its own."""
    answer = choices[item["answer"]]
    people = [w.NAMES[i] for i in item["people"]]
    if item["kind"] == "compare":
        word = reasoning.ATTRIBUTES[item["attribute"]][language][item["pole"]]
        who = people[item["choices"][item["answer"]]]
        feminine = w.gender(who) == "f"
        return {
            "en": lambda: f"{answer} is the {word[1]} of all.",
            "de": lambda: f"{answer} ist von allen {word[1]}.",
            "fr": lambda: f"{answer} est {'la' if feminine else 'le'} plus {word[feminine]} de tous.",
            "ja": lambda: f"{answer}が一番{word[0]}です。",
            "zh": lambda: f"{answer}{word[1]}。",
        }[language]()
    if item["kind"] == "place":
        room = reasoning.ROOMS[item["rooms"][item["choices"][item["answer"]]]]
        at = reasoning.place(room, language)
        thing = item["form"] == "thing"
        x = w.the_noun(w.OBJECTS[item["thing"]], language) if thing else w.name(people[item["about"]], language)
        return {
            "en": f"now {x} is {at}.", "de": f"jetzt ist {x} {at}.", "fr": f"maintenant, {x} est {at}.",
            "ja": f"今、{x}は{at}に{'あります' if thing else 'います'}。", "zh": f"现在{x}在{at}。",
        }[language]
    if item["kind"] == "sum":
        things = w.phrase(reasoning.COUNTED[item["thing"]], language)
        a = w.name(people[0], language)
        if item["form"] == "together":
            return {
                "en": f"together that is {answer} {things}.", "de": f"zusammen sind das {answer} {things}.",
                "fr": f"ensemble, cela fait {answer} {things}.", "ja": f"{things}は全部で{answer}個です。",
                "zh": f"一共有{answer}个{things}。",
            }[language]
        return {
            "en": f"now {a} has {answer} {things}.", "de": f"jetzt hat {a} {answer} {things}.",
            "fr": f"maintenant, {a} a {answer} {things}.", "ja": f"今、{a}は{things}を{answer}個持っています。",
            "zh": f"现在{a}有{answer}个{things}。",
        }[language]
    member = reasoning.MEMBERS[item["members"][item["asked"]]]
    group = w.phrase(reasoning.CATEGORIES[int(member[0])], language)
    if language == "de":
        return f"{w.DE_A[member[3]]} {member[2]} ist {group}."
    thing = reasoning.an(member, language)
    return {
        "en": f"{thing} is {group}.", "fr": f"{thing} est {group}.", "ja": f"{thing}は{group}です。", "zh": f"{thing}是{group}。",
    }[language]


def passage(rng, number, language):
    """One passage and the key of its content."""
    joint = "" if language in ("ja", "zh") else " "
    kind = number % 5
    if kind in (0, 1):
        item = summaries.draw(rng, rng.randrange(6))
        row = summaries.render(item, language, rng)
        # Told twice, in both wordings, in two passages of three.
        parts = [[row["document"]], [row["document"], row["summary"]], [row["summary"], row["document"]]]
        return joint.join(parts[rng.randrange(3)]), item["key"]
    if kind == 2:
        item = sentiment.draw(rng, rng.randrange(18))
        return sentiment.render(item, language, rng)["text"], item["key"]
    item = reasoning.draw(rng, rng.randrange(16))
    row = reasoning.render(item, language, rng)
    facts = row["question"]
    # The question is the last sentence; the passage tells its answer instead.
    enders = "。？" if language in ("ja", "zh") else ".?"
    cut = max(facts.rstrip("".join(enders) + "か ").rfind(e) for e in enders)
    return facts[: cut + 1] + joint + w.cap(conclusion(item, language, row["choices"])), item["key"]
