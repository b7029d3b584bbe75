"""Short opinions with a label: negative, neutral or positive.

Positive and negative texts share their sentence patterns, and words of both kinds
occur under every label, so neither a keyword nor a pattern alone gives the label.
"""

import words as w

LABELS = ["negative", "neutral", "positive"]

# class | English | German | gender | French | gender | Japanese | Chinese
SUBJECTS = w.table("""
meal|soup|Suppe|f|soupe|f|スープ|汤
meal|cake|Kuchen|m|gâteau|m|ケーキ|蛋糕
meal|pizza|Pizza|f|pizza|f|ピザ|披萨
meal|salad|Salat|m|salade|f|サラダ|沙拉
meal|fish|Fisch|m|poisson|m|魚料理|鱼
meal|bread|Brot|n|pain|m|パン|面包
meal|breakfast|Frühstück|n|petit-déjeuner|m|朝食|早餐
meal|dessert|Nachtisch|m|dessert|m|デザート|甜点
place|hotel|Hotel|n|hôtel|m|ホテル|酒店
place|café|Café|n|café|m|カフェ|咖啡馆
place|restaurant|Restaurant|n|restaurant|m|レストラン|餐厅
place|museum|Museum|n|musée|m|博物館|博物馆
place|campsite|Campingplatz|m|camping|m|キャンプ場|露营地
place|flat|Wohnung|f|appartement|m|アパート|公寓
place|room|Zimmer|n|chambre|f|部屋|房间
place|house|Haus|n|maison|f|家|房子
story|book|Buch|n|livre|m|本|书
story|film|Film|m|film|m|映画|电影
story|novel|Roman|m|roman|m|小説|小说
story|play|Theaterstück|n|pièce de théâtre|f|芝居|话剧
story|series|Serie|f|série|f|ドラマ|电视剧
story|lecture|Vortrag|m|conférence|f|講演|讲座
story|story|Geschichte|f|histoire|f|物語|故事
story|musical|Musical|n|comédie musicale|f|ミュージカル|音乐剧
product|lamp|Lampe|f|lampe|f|ランプ|台灯
product|phone|Handy|n|téléphone|m|電話|手机
product|bag|Tasche|f|sac|m|かばん|包
product|umbrella|Regenschirm|m|parapluie|m|傘|雨伞
product|chair|Stuhl|m|chaise|f|椅子|椅子
product|bicycle|Fahrrad|n|vélo|m|自転車|自行车
product|backpack|Rucksack|m|sac à dos|m|リュック|双肩包
product|suitcase|Koffer|m|valise|f|スーツケース|手提箱
product|vacuum cleaner|Staubsauger|m|aspirateur|m|掃除機|吸尘器
product|camera|Kamera|f|appareil photo|m|カメラ|相机
""")

# class | polarity | aspect | English | German | French m | French f | Japanese stem | i or na | Chinese
# Words of one aspect exclude each other; `all` is a verdict and never the concession of a contrast.
WORDS = w.table("""
meal|+|price|cheap|günstig|bon marché|bon marché|安|i|便宜
meal|-|price|expensive|teuer|cher|chère|高|i|贵
meal|+|taste|delicious|köstlich|délicieux|délicieuse|おいし|i|好吃
meal|-|taste|terrible|furchtbar|affreux|affreuse|まず|i|难吃
meal|+|fresh|fresh|frisch|frais|fraîche|新鮮|na|新鲜
meal|-|taste|bland|fade|fade|fade|味気な|i|乏味
meal|+|health|light|leicht|léger|légère|軽|i|清淡
meal|-|health|greasy|fettig|gras|grasse|脂っこ|i|油腻
meal|+|all|excellent|ausgezeichnet|excellent|excellente|見事|na|出色
meal|-|all|disappointing|enttäuschend|décevant|décevante|期待外れ|na|令人失望
place|+|price|cheap|günstig|bon marché|bon marché|安|i|便宜
place|-|price|expensive|teuer|cher|chère|高|i|贵
place|+|clean|clean|sauber|propre|propre|清潔|na|干净
place|-|clean|dirty|schmutzig|sale|sale|汚|i|脏
place|+|quiet|quiet|ruhig|calme|calme|静か|na|安静
place|-|quiet|noisy|laut|bruyant|bruyante|うるさ|i|吵
place|+|light|bright|hell|lumineux|lumineuse|明る|i|明亮
place|-|light|dark|dunkel|sombre|sombre|暗|i|昏暗
place|+|all|beautiful|schön|beau|belle|美し|i|漂亮
place|-|all|disappointing|enttäuschend|décevant|décevante|期待外れ|na|令人失望
place|+|all|comfortable|gemütlich|confortable|confortable|快適|na|舒适
place|-|size|cramped|eng|étroit|étroite|狭|i|狭小
story|+|thrill|exciting|spannend|passionnant|passionnante|面白|i|精彩
story|-|thrill|boring|langweilig|ennuyeux|ennuyeuse|退屈|na|无聊
story|+|clever|clever|klug|intelligent|intelligente|巧み|na|巧妙
story|-|clever|shallow|oberflächlich|superficiel|superficielle|浅|i|肤浅
story|+|moving|moving|bewegend|émouvant|émouvante|感動的|na|感人
story|-|clear|confusing|verwirrend|confus|confuse|分かりにく|i|混乱
story|+|new|original|originell|original|originale|独創的|na|新颖
story|-|new|monotonous|eintönig|monotone|monotone|単調|na|单调
story|+|fun|funny|lustig|drôle|drôle|愉快|na|有趣
story|-|all|disappointing|enttäuschend|décevant|décevante|期待外れ|na|令人失望
product|+|price|cheap|günstig|bon marché|bon marché|安|i|便宜
product|-|price|expensive|teuer|cher|chère|高|i|贵
product|+|use|practical|praktisch|pratique|pratique|便利|na|实用
product|-|use|impractical|unpraktisch|incommode|incommode|不便|na|难用
product|+|strong|sturdy|stabil|solide|solide|丈夫|na|结实
product|-|strong|fragile|zerbrechlich|fragile|fragile|壊れやす|i|脆弱
product|+|weight|light|leicht|léger|légère|軽|i|轻便
product|-|weight|heavy|schwer|lourd|lourde|重|i|笨重
product|+|looks|modern|modern|moderne|moderne|おしゃれ|na|时尚
product|-|looks|ugly|hässlich|laid|laide|不格好|na|难看
product|-|all|disappointing|enttäuschend|décevant|décevante|期待外れ|na|令人失望
product|+|all|perfect|perfekt|parfait|parfaite|完璧|na|完美
""")

# English | German | French m | French f | Japanese before でした | Chinese predicate
NEUTRAL = w.table("""
ordinary|gewöhnlich|ordinaire|ordinaire|普通|很普通
average|durchschnittlich|moyen|moyenne|平均的|很一般
acceptable|akzeptabel|acceptable|acceptable|まあまあ|还可以
""")

OPENERS = w.table("""
{name} gave me the tip.|{name} gab mir den Tipp.|{name} m'avait donné l'idée.|{name}に勧められました。|是{name}推荐的。
{name} was with me.|{name} war dabei.|{name} était avec moi.|{name}も一緒でした。|{name}也在场。
{name} asked for my opinion.|{name} fragte nach meiner Meinung.|{name} m'a demandé mon avis.|{name}に感想を聞かれました。|{name}问我的看法。
{name} and I agree.|{name} und ich sind uns einig.|{name} et moi sommes d'accord.|{name}も私も同じ意見です。|{name}和我意见一致。
I promised {name} an honest answer.|Ich habe {name} eine ehrliche Antwort versprochen.|J'ai promis une réponse honnête à {name}.|{name}に正直な感想を約束しました。|我答应{name}说实话。
{name} paid for everything.|{name} hat alles bezahlt.|{name} a tout payé.|お金は{name}が払いました。|钱是{name}付的。
""")

# x and x2 are on the side of the label, y is on the other side, c is y as a concession.
OPINION = {
    "plain": {
        "en": "{s} was really {x}.", "de": "{s} war wirklich {x}.", "fr": "{s} était vraiment {x}.",
        "ja": "{s}はとても{x_past}。", "zh": "{s}真的很{x}。",
    },
    "double": {
        "en": "{s} was {x} and {x2}.", "de": "{s} war {x} und {x2}.", "fr": "{s} était {x} et {x2}.",
        "ja": "{s}は{x_and}、{x2_past}。", "zh": "{s}又{x}又{x2}。",
    },
    "not": {
        "en": "{s} was not {y} at all.", "de": "{s} war überhaupt nicht {y}.", "fr": "{s} n'était pas du tout {y}.",
        "ja": "{s}はまったく{y_not}。", "zh": "{s}一点也不{y}。",
    },
    "contrast": {
        "en": "{s} was {c}, but in the end really {x}.", "de": "{s} war {c}, aber am Ende wirklich {x}.",
        "fr": "{s} était {c}, mais au final vraiment {x}.", "ja": "{s}は{c_past}が、結局とても{x_past}。",
        "zh": "{s}虽然{c}，但总的来说很{x}。",
    },
    "others": {
        "en": "some people found {s} {y}, but I found it {x}.", "de": "manche fanden {s_acc} {y}, ich dagegen {x}.",
        "fr": "certains ont trouvé {s} {y}, mais pour moi c'était {x_m}.",
        "ja": "{s}は{y_dict}という人もいますが、私には{x_past}。", "zh": "有人觉得{s}很{y}，我却觉得很{x}。",
    },
    "anything": {
        "en": "{s} was anything but {y}.", "de": "{s} war alles andere als {y}.", "fr": "{s} était tout sauf {y}.",
        "ja": "{s}は決して{y_not}。", "zh": "{s}绝对不能说{y}。",
    },
}
MIDDLE = {
    "plain": {
        "en": "{s} was {u}.", "de": "{s} war {u}.", "fr": "{s} était {u}.", "ja": "{s}は{u}でした。", "zh": "{s}{u}。",
    },
    "neither": {
        "en": "{s} was neither {p} nor {n}.", "de": "{s} war weder {p} noch {n}.", "fr": "{s} n'était ni {p} ni {n}.",
        "ja": "{s}は{p_nor}{n_nor}ありませんでした。", "zh": "{s}既不{p}也不{n}。",
    },
    "partly": {
        "en": "{s} was partly {p} and partly {n}.", "de": "{s} war teils {p} und teils {n}.",
        "fr": "{s} était en partie {p}, en partie {n}.", "ja": "{s}には{p_attr}ところも{n_attr}ところもありました。",
        "zh": "{s}有的地方{p}，有的地方{n}。",
    },
    "more": {
        "en": "{s} was {u}, no more and no less.", "de": "{s} war {u}, nicht mehr und nicht weniger.",
        "fr": "{s} était {u}, ni plus ni moins.", "ja": "{s}は{u}で、それ以上でも以下でもありませんでした。",
        "zh": "{s}{u}，仅此而已。",
    },
    "others": {
        "en": "some people found {s} {p}, others {n}; I found it {u}.",
        "de": "manche fanden {s_acc} {p}, andere {n}, ich {u}.",
        "fr": "certains ont trouvé {s} {p}, d'autres {n} ; pour moi c'était {u_m}.",
        "ja": "{s}は{p_dict}という人も{n_dict}という人もいますが、私には{u}でした。",
        "zh": "有人说{s}{p}，有人说{n}，我觉得{u}。",
    },
    "especially": {
        "en": "{s} was not especially {p}, but not {n} either.", "de": "{s} war nicht besonders {p}, aber auch nicht {n}.",
        "fr": "{s} n'était pas particulièrement {p}, mais pas {n} non plus.",
        "ja": "{s}は特に{p_not}が、{n_nor}ありませんでした。", "zh": "{s}不算特别{p}，但也不{n}。",
    },
}


def draw(rng, number):
    label = LABELS[number % 3]
    kinds = list(MIDDLE if label == "neutral" else OPINION)
    kind = kinds[(number // 3) % len(kinds)]
    subject = rng.randrange(len(SUBJECTS))
    group = SUBJECTS[subject][0]

    def pick(sign, other=None, same=False, concession=False):
        found = [
            i for i, x in enumerate(WORDS)
            if x[0] == group and x[1] == sign and not (concession and x[2] == "all")
            and (other is None or (i != other and (WORDS[other][2] == x[2]) == same))
        ]
        return rng.choice(found)

    item = {"label": label, "kind": kind, "subject": subject}
    if label == "neutral":
        item["u"] = rng.randrange(len(NEUTRAL))
        if kind == "neither":
            # Two ends of one scale: neither quiet nor noisy.
            item["p"] = rng.choice([
                i for i, x in enumerate(WORDS)
                if x[0] == group and x[1] == "+" and any(y[0] == group and y[1] == "-" and y[2] == x[2] for y in WORDS)
            ])
            item["n"] = pick("-", item["p"], same=True)
        else:
            item["p"] = pick("+", concession=True)
            item["n"] = pick("-", item["p"], same=False, concession=True)
        used = (item["u"],) if kind in ("plain", "more") else (item["p"], item["n"])
    else:
        sign, other = ("+", "-") if label == "positive" else ("-", "+")
        if kind in ("contrast", "others"):
            item["y"] = pick(other, concession=True)
            item["x"] = pick(sign, item["y"])
        else:
            item["y"] = pick(other)
            item["x"] = pick(sign)
        item["x2"] = pick(sign, item["x"])
        used = {"plain": ("x",), "double": ("x", "x2"), "contrast": ("y", "x"), "others": ("y", "x")}.get(kind, ("y",))
        used = tuple(item[k] for k in used)
    # Three texts in four open with a sentence that says nothing about the label.
    item["opener"] = (rng.randrange(len(OPENERS)), rng.randrange(len(w.NAMES))) if rng.random() < 0.75 else None
    item["key"] = (label, kind, subject, used)
    return item


def japanese(stem, kind):
    i = kind == "i"
    return {
        "past": stem + ("かったです" if i else "でした"),
        "and": stem + ("くて" if i else "で"),
        "not": stem + ("くなかったです" if i else "ではありませんでした"),
        "nor": stem + ("くも" if i else "でも"),
        "dict": stem + ("い" if i else "だ"),
        "attr": stem + ("い" if i else "な"),
    }


def render(item, language, rng):
    subject = SUBJECTS[item["subject"]][1:]
    f = {"s": w.the_noun(subject, language), "s_acc": w.the_noun(subject, language, "acc")}
    feminine = subject[4] == "f"
    for slot in ("x", "x2", "y", "p", "n"):
        if slot not in item:
            continue
        word = WORDS[item[slot]]
        f[slot] = {"en": word[3], "de": word[4], "fr": word[5 + feminine], "ja": word[7], "zh": word[9]}[language]
        f[slot + "_m"] = word[5]
        for form, text in japanese(word[7], word[8]).items():
            f[f"{slot}_{form}"] = text
    f["c"], f["c_past"] = f.get("y"), f.get("y_past")
    if "u" in item:
        word = NEUTRAL[item["u"]]
        f["u"] = {"en": word[0], "de": word[1], "fr": word[2 + feminine], "ja": word[4], "zh": word[5]}[language]
        f["u_m"] = word[2]
    template = (MIDDLE if item["label"] == "neutral" else OPINION)[item["kind"]][language]
    text = w.cap(template.format(**f))
    if item["opener"]:
        opener, who = item["opener"]
        first = w.phrase(OPENERS[opener], language).format(name=w.name(w.NAMES[who], language))
        text = first + ("" if language in ("ja", "zh") else " ") + text
    return {"text": text, "label": item["label"]}
