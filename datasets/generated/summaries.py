"""Documents of two or three sentences, each with a one-sentence summary of its main event.

The summary names the person by profession alone, uses another verb or tense, and
leaves out the weather, the day and the bystanders.
"""

import re

import words as w

# Document and summary wording of each action. German documents may split the verb: finite~rest.
# en doc|en summary|de doc|de summary|fr doc|fr summary|ja doc|ja summary|ja particle|zh doc|zh summary
ACTIONS = w.table("""
discovered|finds|entdeckte|findet|a découvert|trouve|発見しました|見つけた|で|发现了|找到
purchased|buys|erwarb|kauft|a acquis|achète|購入しました|買った|で|购买了|买下
restored|repairs|brachte~wieder in Ordnung|repariert|a remis en état|répare|修理しました|直した|で|修理好了|修好
found a buyer for|sells|veräußerte|verkauft|a revendu|vend|売却しました|売った|で|卖掉了|卖出
mislaid|loses|vermisste plötzlich|verliert|a égaré|perd|紛失しました|なくした|で|弄丢了|丢失
concealed|hides|verbarg|versteckt|a dissimulé|cache|こっそりしまいました|隠した|に|隐藏了|藏起
took a picture of|photographs|hielt~auf einem Foto fest|fotografiert|a pris en photo|photographie|写真に撮りました|撮影した|で|拍下了|拍摄
made a sketch of|draws|skizzierte|zeichnet|a fait un croquis représentant|dessine|スケッチしました|描いた|で|描绘了|画
put on display|shows|stellte~aus|zeigt|a exposé|montre|展示しました|見せた|で|展出了|展示
polished|cleans|reinigte|putzt|a nettoyé|lave|きれいにしました|磨いた|で|擦干净了|擦洗
donated|gives away|spendete|verschenkt|a offert|donne|寄付しました|譲った|で|捐出了|赠送
damaged|breaks|beschädigte|macht~kaputt|a endommagé|abîme|壊してしまいました|壊した|で|损坏了|弄坏
""")

MAIN = {
    "en": [
        "{name}, {a_prof}, {did} {obj} {place} {time}.",
        "{time}, {a_prof} named {name} {did} {obj} {place}.",
        "{place}, {a_prof} named {name} {did} {obj} {time}.",
        "it was {name}, {a_prof}, who {did} {obj} {place} {time}.",
        "{name} works as {a_prof} and {did} {obj} {place} {time}.",
        "{time}, {name} {did} {obj} {place}; {he} is {a_prof}.",
    ],
    "de": [
        "{name}, {a_prof}, {did} {time} {place} {obj}{rest}.",
        "{time} {did} {a_prof} namens {name} {place} {obj}{rest}.",
        "{place} {did} {name}, {a_prof}, {time} {obj}{rest}.",
        "{name} arbeitet als {prof} und {did} {time} {place} {obj}{rest}.",
        "{time} {did} {name} {place} {obj}{rest}; {he} arbeitet als {prof}.",
        "{a_prof} namens {name} {did} {time} {place} {obj}{rest}.",
    ],
    "fr": [
        "{name}, {a_prof}, {did} {obj} {place} {time}.",
        "{time}, {a_prof} {named} {name} {did} {obj} {place}.",
        "{place}, {name}, qui est {prof}, {did} {obj} {time}.",
        "{name} travaille comme {prof} et {did} {obj} {place} {time}.",
        "c'est {name}, {a_prof}, qui {did} {obj} {place} {time}.",
        "{time}, {name} {did} {obj} {place} ; {he} est {prof}.",
    ],
    "ja": [
        "{name}という{prof}が{time}、{place}{at}{obj}を{did}。",
        "{time}、{prof}の{name}が{place}{at}{obj}を{did}。",
        "{prof}の{name}は{time}、{place}{at}{obj}を{did}。",
        "{name}は{prof}です。{time}、{place}{at}{obj}を{did}。",
        "{place}{at}{time}、{name}という{prof}が{obj}を{did}。",
        "{name}は{prof}として働いています。{time}、{place}{at}{obj}を{did}。",
    ],
    "zh": [
        "{time}，{prof}{name}在{place}{did}{obj}。",
        "{name}是{a_prof}，{time}在{place}{did}{obj}。",
        "一名叫{name}的{prof}{time}在{place}{did}{obj}。",
        "在{place}，{prof}{name}{time}{did}{obj}。",
        "{prof}{name}{time}在{place}{did}{obj}。",
        "{time}，一名叫{name}的{prof}在{place}{did}{obj}。",
    ],
}

CLOSES = {
    "en": [
        "{inst} stayed shut {time} because of {cause}.",
        "{time}, {inst} could not open because of {cause}.",
        "because of {cause}, {inst} had to send all visitors home {time}.",
        "{cause} meant that nobody could enter {inst} {time}.",
        "{time}, people stood in front of {inst} and could not go in because of {cause}.",
        "the doors of {inst} were locked {time} because of {cause}.",
    ],
    "de": [
        "{inst} blieb {time} wegen {cause} zu.",
        "{time} konnte {inst} wegen {cause} nicht öffnen.",
        "wegen {cause} musste {inst} {time} alle Besucher nach Hause schicken.",
        "niemand durfte {time} wegen {cause} {inst_acc} betreten.",
        "{time} standen die Leute draußen, denn {inst} war wegen {cause} nicht offen.",
        "wegen {cause} machte {inst} {time} nicht auf.",
    ],
    "fr": [
        "{inst} est resté{e} porte close {time} à cause {of_cause}.",
        "{time}, {inst} n'a pas pu ouvrir à cause {of_cause}.",
        "à cause {of_cause}, {inst} a dû renvoyer tous les visiteurs {time}.",
        "{time}, personne n'a pu entrer, car {inst} n'était pas ouvert{e} à cause {of_cause}.",
        "à cause {of_cause}, {inst} n'a reçu personne {time}.",
        "{inst} n'a accueilli aucun visiteur {time} à cause {of_cause}.",
    ],
    "ja": [
        "{inst}は{time}、{cause}のため開きませんでした。",
        "{time}、{inst}は{cause}のため営業できませんでした。",
        "{cause}のため、{inst}は{time}、来た人を全員帰しました。",
        "{time}、{cause}のため誰も{inst}に入れませんでした。",
        "{time}、人々は{inst}の前にいましたが、{cause}のため入れませんでした。",
        "{cause}のため、{inst}の扉は{time}、開かないままでした。",
    ],
    "zh": [
        "{time}，{inst}因为{cause}没有开门。",
        "因为{cause}，{inst}{time}没能开门。",
        "因为{cause}，{inst}{time}让所有人回家了。",
        "{time}，因为{cause}，谁也进不了{inst}。",
        "{time}，人们站在{inst}门口，因为{cause}进不去。",
        "{inst}的大门{time}因为{cause}一直锁着。",
    ],
}

REOPENS = {
    "en": [
        "{inst} welcomed visitors again {time}, for the first time since {cause}.",
        "{time}, people could enter {inst} again for the first time since {cause}.",
        "since {cause}, {inst} had been shut, but {time} the doors were open again.",
        "{cause} had kept {inst} shut for weeks, but {time} everyone could come back.",
        "{time}, {inst} was full of people again, the first time since {cause}.",
        "the first visitors since {cause} came to {inst} {time}.",
    ],
    "de": [
        "{inst} empfing {time} wieder Besucher, zum ersten Mal seit {cause_dat}.",
        "{time} konnte man {inst_acc} zum ersten Mal seit {cause_dat} wieder betreten.",
        "seit {cause_dat} war {inst} zu, aber {time} kamen wieder Besucher.",
        "wegen {cause} war {inst} wochenlang zu, doch {time} durften alle wieder hinein.",
        "{time} war {inst} zum ersten Mal seit {cause_dat} wieder voller Menschen.",
        "zum ersten Mal seit {cause_dat} ließ {inst} {time} wieder Besucher herein.",
    ],
    "fr": [
        "{inst} a de nouveau accueilli des visiteurs {time}, pour la première fois depuis {cause}.",
        "{time}, {inst} a de nouveau reçu du monde, pour la première fois depuis {cause}.",
        "depuis {cause}, {inst} était fermé{e}, mais les visiteurs sont revenus {time}.",
        "à cause {of_cause}, {inst} était fermé{e} depuis des semaines, mais tout le monde a pu revenir {time}.",
        "{time}, {inst} était de nouveau plein{e} de monde, pour la première fois depuis {cause}.",
        "pour la première fois depuis {cause}, {inst} a laissé entrer les visiteurs {time}.",
    ],
    "ja": [
        "{inst}は{time}、{cause}の後で初めて人を迎えました。",
        "{time}、{cause}の後で初めて{inst}に入れるようになりました。",
        "{inst}は{cause}からずっと閉まっていましたが、{time}、また人が入りました。",
        "{cause}のため{inst}は何週間も閉まっていましたが、{time}、みんなが戻ってきました。",
        "{time}、{inst}は{cause}の後で初めて人でいっぱいになりました。",
        "{cause}の後、最初の客が{time}、{inst}に来ました。",
    ],
    "zh": [
        "{time}，{inst}在{cause}之后第一次迎来了客人。",
        "{cause}之后，人们{time}第一次又能走进{inst}。",
        "{inst}自从{cause}以后一直关着，{time}又有人进去了。",
        "因为{cause}，{inst}关了几个星期，{time}大家又回来了。",
        "{time}，{inst}在{cause}之后第一次又挤满了人。",
        "{cause}之后的第一批客人{time}来到了{inst}。",
    ],
}

WINS = {
    "en": [
        "{name}, {a_prof}, came first in {contest} {time}, ahead of {name2}.",
        "{time}, first place in {contest} went to {name}, {a_prof}.",
        "nobody in {contest} was better {time} than {name}, {a_prof}.",
        "{name2} was only second in {contest} {time}; first place went to {name}, {a_prof}.",
        "{time}, the jury gave first place in {contest} to {name}, {a_prof}.",
        "{name} works as {a_prof} and beat {name2} in {contest} {time}.",
    ],
    "de": [
        "{name}, {a_prof}, belegte {time} {at_contest} den ersten Platz vor {name2}.",
        "{time} ging der erste Platz {at_contest} an {name}; {he} arbeitet als {prof}.",
        "niemand war {time} {at_contest} besser als {name}, {a_prof}.",
        "{name2} wurde {time} {at_contest} nur Zweite{r2}; ganz vorn war {name}, {a_prof}.",
        "{time} kam {name}, {a_prof}, {at_contest} auf den ersten Platz.",
        "{name} arbeitet als {prof} und besiegte {time} {at_contest} {name2}.",
    ],
    "fr": [
        "{name}, {a_prof}, a pris la première place {at_contest} {time}, devant {name2}.",
        "{time}, la première place {at_contest} est revenue à {name}, {a_prof}.",
        "personne n'a fait mieux {at_contest} {time} que {name}, {a_prof}.",
        "{name2} n'a eu que la deuxième place {at_contest} {time} ; la première est allée à {name}, {a_prof}.",
        "{time}, le jury a donné la première place {at_contest} à {name}, {a_prof}.",
        "{name} travaille comme {prof} et a battu {name2} {at_contest} {time}.",
    ],
    "ja": [
        "{prof}の{name}は{time}、{contest}で{name2}より上の一位になりました。",
        "{time}、{contest}の一位は{prof}の{name}に決まりました。",
        "{time}、{contest}で{prof}の{name}より上手な人はいませんでした。",
        "{contest}で{name2}は{time}、二位に終わり、一位は{prof}の{name}でした。",
        "{time}、審査員は{contest}の一位に{prof}の{name}を選びました。",
        "{name}は{prof}です。{time}、{contest}で{name2}を破りました。",
    ],
    "zh": [
        "{time}，{prof}{name}在{contest}中得了第一名，{name2}排在后面。",
        "{time}，{contest}的第一名是{prof}{name}。",
        "{time}，{contest}中没有人比{prof}{name}更出色。",
        "{time}，{name2}在{contest}中只得了第二名，第一名是{prof}{name}。",
        "{time}，评委把{contest}的第一名给了{prof}{name}。",
        "{name}是{a_prof}，{time}在{contest}中打败了{name2}。",
    ],
}

SCENES = w.table("""
It was a cold and windy day.|Es war ein kalter und windiger Tag.|C'était une journée froide et venteuse.|寒くて風の強い日でした。|那天又冷又刮风。
The sun was shining and the streets were full.|Die Sonne schien, und die Straßen waren voll.|Le soleil brillait et les rues étaient pleines de monde.|日が照り、通りは人でいっぱいでした。|阳光明媚，街上到处是人。
It had been raining since the morning.|Seit dem Morgen regnete es.|Il pleuvait depuis le matin.|朝から雨が降っていました。|从早上起一直在下雨。
Thick fog lay over the town.|Dichter Nebel lag über der Stadt.|Un épais brouillard couvrait la ville.|町は濃い霧に包まれていました。|浓雾笼罩着小城。
The first snow had fallen.|Der erste Schnee war gefallen.|La première neige était tombée.|初雪が降ったところでした。|刚下过第一场雪。
Many people were out for a walk.|Viele Leute gingen spazieren.|Beaucoup de gens se promenaient.|多くの人が散歩をしていました。|很多人在散步。
The holidays had just begun.|Die Ferien hatten gerade begonnen.|Les vacances venaient de commencer.|休みが始まったばかりでした。|假期刚刚开始。
It was unusually warm for the season.|Für die Jahreszeit war es ungewöhnlich warm.|Il faisait très chaud pour la saison.|季節のわりに暖かい日でした。|这个季节难得这么暖和。
The bells were ringing.|Die Glocken läuteten.|Les cloches sonnaient.|鐘が鳴っていました。|钟声响起。
Music was playing in the square.|Auf dem Platz spielte Musik.|On jouait de la musique sur la place.|広場では音楽が流れていました。|广场上放着音乐。
Dark clouds hung over the hills.|Dunkle Wolken hingen über den Hügeln.|Des nuages noirs couvraient les collines.|丘の上に黒い雲がかかっていました。|乌云笼罩着山丘。
The buses were late again.|Die Busse hatten wieder Verspätung.|Les bus étaient encore en retard.|バスはまた遅れていました。|公交车又晚点了。
It was a quiet day in town.|In der Stadt war es ruhig.|La ville était calme.|町は静かでした。|城里很安静。
The leaves were turning yellow.|Die Blätter wurden gelb.|Les feuilles jaunissaient.|木の葉が黄色くなっていました。|树叶变黄了。
A strong wind was blowing from the sea.|Vom Meer wehte ein starker Wind.|Un vent fort soufflait de la mer.|海から強い風が吹いていました。|海上刮来大风。
The streets were still wet.|Die Straßen waren noch nass.|Les rues étaient encore mouillées.|道はまだぬれていました。|街道还是湿的。
""")

DETAILS = w.table("""
{a_prof2} watched from the window.|{a_prof2} sah vom Fenster aus zu.|{a_prof2} regardait depuis la fenêtre.|{prof2}が窓から見ていました。|{a_prof2}从窗口看着。
{a_prof2} waited nearby with a dog.|{a_prof2} wartete daneben mit einem Hund.|{a_prof2} attendait à côté avec un chien.|{prof2}が犬を連れて近くで待っていました。|{a_prof2}带着狗在旁边等着。
{a_prof2} told the neighbours about it.|{a_prof2} erzählte den Nachbarn davon.|{a_prof2} a raconté cela aux voisins.|{prof2}が近所の人にその話をしました。|{a_prof2}把这件事告诉了邻居。
{a_prof2} wrote a short report.|{a_prof2} schrieb einen kurzen Bericht.|{a_prof2} a écrit un court article.|{prof2}が短い記事を書きました。|{a_prof2}写了一篇短文。
Some children asked many questions.|Ein paar Kinder stellten viele Fragen.|Quelques enfants ont posé beaucoup de questions.|子どもたちがたくさん質問をしました。|孩子们问了很多问题。
Nobody in the neighbourhood had expected it.|Niemand in der Nachbarschaft hatte damit gerechnet.|Personne dans le quartier ne s'y attendait.|近所の誰もそれを予想していませんでした。|附近没有人想到会这样。
{name3} only heard about it later.|{name3} erfuhr erst später davon.|{name3} ne l'a appris que plus tard.|{name3}は後になってそれを知りました。|{name3}后来才听说这件事。
{name3} and {a_prof2} talked about it for a long time.|{name3} und {a_prof2} sprachen lange darüber.|{name3} et {a_prof2} en ont longtemps parlé.|{name3}と{prof2}は長い間そのことを話しました。|{name3}和{a_prof2}谈了很久这件事。
The local newspaper printed a photo.|Die Lokalzeitung druckte ein Foto.|Le journal local a publié une photo.|地元の新聞に写真が載りました。|当地报纸登了一张照片。
{a_prof2} brought coffee for everyone.|{a_prof2} brachte Kaffee für alle.|{a_prof2} a apporté du café pour tout le monde.|{prof2}がみんなにコーヒーを持ってきました。|{a_prof2}给大家送来了咖啡。
{name3} did not want to believe it.|{name3} wollte es nicht glauben.|{name3} ne voulait pas le croire.|{name3}はそれを信じようとしませんでした。|{name3}不愿相信。
{a_prof2} took the next bus home.|{a_prof2} fuhr mit dem nächsten Bus nach Hause.|{a_prof2} a pris le bus suivant pour rentrer.|{prof2}は次のバスで帰りました。|{a_prof2}坐下一班公交车回家了。
""")

# Which sentences a document has, and in which order. S scene, M main event, D detail.
ORDERS = ["SMD", "SMD", "MSD", "SM", "MD", "DSM"]


def draw(rng, number):
    """One item: the content that all languages share. `number` balances the kinds."""
    kind = ["action", "action", "close", "win", "action", "reopen"][number % 6]
    people = rng.sample(range(len(w.NAMES)), 3)
    jobs = rng.sample(range(len(w.PROFESSIONS)), 2)
    item = {
        "kind": kind,
        "people": people,
        "jobs": jobs,
        "gender2": rng.choice("mf"),
        "time": rng.randrange(len(w.TIMES)),
        "scene": rng.randrange(len(SCENES)),
        "detail": rng.randrange(len(DETAILS)),
        "order": rng.choice(ORDERS),
    }
    if kind == "action":
        item["action"] = rng.randrange(len(ACTIONS))
        item["object"] = rng.randrange(len(w.OBJECTS))
        item["adjective"] = rng.randrange(len(w.ADJECTIVES))
        item["place"] = rng.randrange(len(w.PLACES))
        # The keys hold what the summary says: no summary is in two splits.
        item["key"] = (kind, jobs[0], item["action"], item["object"], item["place"])
    elif kind == "win":
        item["contest"] = rng.randrange(len(w.CONTESTS))
        item["key"] = (kind, jobs[0], item["contest"])
    else:
        item["institution"] = rng.randrange(len(w.INSTITUTIONS))
        item["cause"] = rng.randrange(len(w.CAUSES))
        item["key"] = (kind, item["institution"], item["cause"])
    return item


def german_verb(text):
    finite, _, rest = text.partition("~")
    return finite, " " + rest if rest else ""


def forms(item, language):
    """Every phrase that a template may name, inflected for its place in the sentence."""
    people = [w.NAMES[i] for i in item["people"]]
    g = w.gender(people[0])
    job, job2 = (w.PROFESSIONS[i] for i in item["jobs"])
    f = {
        "name": w.name(people[0], language),
        "name2": w.name(people[1], language),
        "name3": w.name(people[2], language),
        "prof": w.profession(job, g, language),
        "a_prof": w.a_profession(job, g, language),
        "prof2": w.profession(job2, item["gender2"], language),
        "a_prof2": w.a_profession(job2, item["gender2"], language),
        "time": w.phrase(w.TIMES[item["time"]], language),
        "he": {"en": {"m": "he", "f": "she"}, "de": {"m": "er", "f": "sie"}, "fr": {"m": "il", "f": "elle"}}
        .get(language, {"m": "", "f": ""})[g],
        "named": "nommée" if g == "f" else "nommé",
        "r2": "" if w.gender(people[1]) == "f" else "r",
    }
    if item["kind"] == "action":
        action = ACTIONS[item["action"]]
        obj = w.OBJECTS[item["object"]]
        f["obj"] = w.an_object(obj, language, w.ADJECTIVES[item["adjective"]])
        f["bare_obj"] = w.an_object(obj, language)
        f["place"] = w.phrase(w.PLACES[item["place"]], language)
        f["did"], f["does"] = {
            "en": action[0:2], "de": action[2:4], "fr": action[4:6], "ja": action[6:8], "zh": action[9:11],
        }[language]
        f["at"] = action[8]
        f["did"], f["rest"] = german_verb(f["did"])
        f["does"], f["does_rest"] = german_verb(f["does"])
    elif item["kind"] == "win":
        c = w.CONTESTS[item["contest"]]
        f["contest"] = w.the_noun(c, language, "acc")
        if language == "de":
            f["at_contest"] = ("bei der " if c[2] == "f" else "beim ") + c[1]
        elif language == "fr":
            f["at_contest"] = w.fr_at(c[3], c[4])
    else:
        i, c = w.INSTITUTIONS[item["institution"]], w.CAUSES[item["cause"]]
        f["inst"] = w.the_noun(i, language)
        f["inst_acc"] = w.the_noun(i, language, "acc")
        f["e"] = "e" if i[4] == "f" else ""
        f["cause"] = {"en": c[0], "de": c[1], "fr": c[3], "ja": c[4], "zh": c[5]}[language]
        f["cause_dat"] = c[2]
        f["of_cause"] = w.elide("de", c[3])
    return f


SUMMARY = {
    "action": {
        "en": "{a_prof} {does} {bare_obj} {place}.",
        "de": "{a_prof} {does} {place} {bare_obj}{does_rest}.",
        "fr": "{a_prof} {does} {bare_obj} {place}.",
        "ja": "{prof}が{place}{at}{bare_obj}を{does}。",
        "zh": "{a_prof}在{place}{does}{bare_obj}。",
    },
    "win": {
        "en": "{a_prof} wins {contest}.",
        "de": "{a_prof} gewinnt {contest}.",
        "fr": "{a_prof} gagne {contest}.",
        "ja": "{prof}が{contest}で優勝した。",
        "zh": "{a_prof}赢得{contest}冠军。",
    },
    "close": {
        "en": "{inst} closes after {cause}.",
        "de": "{inst} schließt nach {cause_dat}.",
        "fr": "{inst} ferme après {cause}.",
        "ja": "{inst}が{cause}で閉まった。",
        "zh": "{inst}因{cause}关闭。",
    },
    "reopen": {
        "en": "{inst} reopens after {cause}.",
        "de": "{inst} öffnet nach {cause_dat} wieder.",
        "fr": "{inst} rouvre après {cause}.",
        "ja": "{inst}が{cause}の後に再開した。",
        "zh": "{inst}在{cause}后重新开放。",
    },
}


def english_verb_first(sentence):
    """`put on display an old map` -> `put an old map on display`."""
    return re.sub(r"put on display (an? \w+ \w+)", r"put \1 on display", sentence)


def render(item, language, rng):
    f = forms(item, language)
    templates = {"action": MAIN, "win": WINS, "close": CLOSES, "reopen": REOPENS}[item["kind"]][language]
    main = w.cap(rng.choice(templates).format(**f))
    if language == "en":
        main = english_verb_first(main)
    sentences = {
        "S": w.phrase(SCENES[item["scene"]], language),
        "M": main,
        "D": w.cap(w.phrase(DETAILS[item["detail"]], language).format(**f)),
    }
    joint = "" if language in ("ja", "zh") else " "
    summary = w.cap(SUMMARY[item["kind"]][language].format(**f))
    return {"document": joint.join(sentences[c] for c in item["order"]), "summary": summary}
