"""The words and sentence patterns of the four-choice questions."""

import words as w

# For each language the two poles: comparative, superlative and base form (en, de), masculine and
# feminine (fr), plain form and the form before a negation (ja), plain form and superlative (zh).
ATTRIBUTES = [
    {
        "en": [("taller", "tallest", "tall"), ("shorter", "shortest", "short")],
        "de": [("größer", "am größten", "groß"), ("kleiner", "am kleinsten", "klein")],
        "fr": [("grand", "grande"), ("petit", "petite")],
        "ja": [("背が高い", "背が高く"), ("背が低い", "背が低く")],
        "zh": [("高", "最高"), ("矮", "最矮")],
    },
    {
        "en": [("older", "oldest", "old"), ("younger", "youngest", "young")],
        "de": [("älter", "am ältesten", "alt"), ("jünger", "am jüngsten", "jung")],
        "fr": [("âgé", "âgée"), ("jeune", "jeune")],
        "ja": [("年上", "年上では"), ("年下", "年下では")],
        "zh": [("年长", "最年长"), ("年轻", "最年轻")],
    },
    {
        "en": [("faster", "fastest", "fast"), ("slower", "slowest", "slow")],
        "de": [("schneller", "am schnellsten", "schnell"), ("langsamer", "am langsamsten", "langsam")],
        "fr": [("rapide", "rapide"), ("lent", "lente")],
        "ja": [("足が速い", "足が速く"), ("足が遅い", "足が遅く")],
        "zh": [("跑得快", "跑得最快"), ("跑得慢", "跑得最慢")],
    },
    {
        "en": [("stronger", "strongest", "strong"), ("weaker", "weakest", "weak")],
        "de": [("stärker", "am stärksten", "stark"), ("schwächer", "am schwächsten", "schwach")],
        "fr": [("fort", "forte"), ("faible", "faible")],
        "ja": [("力が強い", "力が強く"), ("力が弱い", "力が弱く")],
        "zh": [("力气大", "力气最大"), ("力气小", "力气最小")],
    },
    {
        "en": [("heavier", "heaviest", "heavy"), ("lighter", "lightest", "light")],
        "de": [("schwerer", "am schwersten", "schwer"), ("leichter", "am leichtesten", "leicht")],
        "fr": [("lourd", "lourde"), ("léger", "légère")],
        "ja": [("体が重い", "体が重く"), ("体が軽い", "体が軽く")],
        "zh": [("重", "最重"), ("轻", "最轻")],
    },
]

MOST = {
    "en": ["who is the {m}?", "who is the {m} of all?", "which of the four is the {m}?",
           "who among them is the {m}?", "so who is the {m}?", "of the four, who is the {m}?"],
    "de": ["wer ist {m}?", "wer von allen ist {m}?", "wer von den vier ist {m}?",
           "wer von ihnen ist {m}?", "wer ist also {m}?", "und wer ist {m}?"],
    "fr": ["qui est le plus {m} ?", "qui est le plus {m} de tous ?", "qui des quatre est le plus {m} ?",
           "parmi eux, qui est le plus {m} ?", "alors, qui est le plus {m} ?", "sur les quatre, qui est le plus {m} ?"],
    "ja": ["一番{m}のは誰ですか。", "全員の中で一番{m}のは誰ですか。", "四人の中で一番{m}のは誰ですか。",
           "この中で一番{m}のは誰ですか。", "では、一番{m}のは誰ですか。", "四人のうち、一番{m}のは誰ですか。"],
    "zh": ["谁{m}？", "四个人里谁{m}？", "他们当中谁{m}？", "那么谁{m}？", "这四个人中，谁{m}？", "所有人里谁{m}？"],
}

# English | preposition | German | in it | into it | French | with `à` or `dans` | Japanese | Chinese
ROOMS = w.table("""
kitchen|in|Küche|in der|in die|cuisine|dans la |台所|厨房
garden|in|Garten|im|in den|jardin|dans le |庭|花园
cellar|in|Keller|im|in den|cave|à la |地下室|地下室
garage|in|Garage|in der|in die|garage|dans le |車庫|车库
bathroom|in|Badezimmer|im|ins|salle de bain|dans la |浴室|浴室
bedroom|in|Schlafzimmer|im|ins|chambre|dans la |寝室|卧室
attic|in|Dachboden|auf dem|auf den|grenier|au |屋根裏|阁楼
living room|in|Wohnzimmer|im|ins|salon|au |居間|客厅
office|in|Büro|im|ins|bureau|au |事務所|办公室
hall|in|Flur|im|in den|couloir|dans le |廊下|走廊
balcony|on|Balkon|auf dem|auf den|balcon|sur le |ベランダ|阳台
library|in|Bibliothek|in der|in die|bibliothèque|à la |図書館|图书馆
school|at|Schule|in der|in die|école|à l'|学校|学校
park|in|Park|im|in den|parc|au |公園|公园
station|at|Bahnhof|am|zum|gare|à la |駅|车站
museum|in|Museum|im|ins|musée|au |博物館|博物馆
market|at|Markt|auf dem|auf den|marché|au |市場|市场
beach|at|Strand|am|an den|plage|à la |海岸|海滩
zoo|at|Zoo|im|in den|zoo|au |動物園|动物园
cinema|at|Kino|im|ins|cinéma|au |映画館|电影院
hotel|in|Hotel|im|ins|hôtel|à l'|ホテル|酒店
café|in|Café|im|ins|café|au |カフェ|咖啡馆
church|in|Kirche|in der|in die|église|à l'|教会|教堂
forest|in|Wald|im|in den|forêt|dans la |森|森林
hospital|in|Krankenhaus|im|ins|hôpital|à l'|病院|医院
""")

IS_AT = {
    "en": ["{a} is {at}.", "{a} is waiting {at}.", "first, {a} is {at}."],
    "de": ["{a} ist {at}.", "{a} wartet {at}.", "zuerst ist {a} {at}."],
    "fr": ["{a} est {at}.", "{a} attend {at}.", "d'abord, {a} est {at}."],
    "ja": ["{a}は{at}にいます。", "{a}は{at}で待っています。", "はじめ、{a}は{at}にいます。"],
    "zh": ["{a}在{at}。", "{a}在{at}等着。", "起初{a}在{at}。"],
}
GOES_TO = {
    "en": ["{a} goes {to}.", "then {a} goes {to}.", "{a} walks {to}."],
    "de": ["{a} geht {to}.", "dann geht {a} {to}.", "{a} läuft {to}."],
    "fr": ["{a} va {to}.", "puis {a} va {to}.", "ensuite, {a} va {to}."],
    "ja": ["{a}は{to}へ行きます。", "それから{a}は{to}へ行きます。", "{a}は{to}へ歩いていきます。"],
    "zh": ["{a}去了{to}。", "然后{a}去了{to}。", "{a}走到{to}。"],
}
CARRIES = {
    "en": ["{a} takes it {to}.", "then {a} brings it {to}.", "{a} carries it {to}."],
    "de": ["{a} bringt {it} {to}.", "dann bringt {a} {it} {to}.", "{a} trägt {it} {to}."],
    "fr": ["{a} l'emporte {to}.", "puis {a} l'apporte {to}.", "ensuite, {a} l'emporte {to}."],
    "ja": ["{a}はそれを{to}へ運びます。", "それから{a}がそれを{to}へ持っていきます。", "{a}がそれを{to}へ移します。"],
    "zh": ["{a}把它拿到{to}。", "然后{a}把它带到{to}。", "{a}把它搬到{to}。"],
}
WHERE = {
    "en": ["where is {x} now?", "where is {x}?", "so where is {x} now?",
           "in which place is {x} now?", "where can one find {x} now?", "where is {x} in the end?"],
    "de": ["wo ist {x} jetzt?", "wo ist {x}?", "wo ist {x} also jetzt?",
           "an welchem Ort ist {x} jetzt?", "wo findet man {x_acc} jetzt?", "wo ist {x} am Ende?"],
    "fr": ["où est {x} maintenant ?", "où est {x} ?", "alors, où est {x} maintenant ?",
           "à quel endroit est {x} maintenant ?", "où peut-on trouver {x} maintenant ?", "où est {x} à la fin ?"],
    "ja": ["今、{x}はどこ{there}か。", "{x}はどこ{there}か。", "では、{x}は今どこ{there}か。",
           "{x}は今どの場所{there}か。", "今どこへ行けば{x}{finds}か。", "最後に{x}はどこ{there}か。"],
    "zh": ["{x}现在在哪里？", "{x}在哪里？", "那么{x}现在在哪里？", "{x}现在在什么地方？",
           "现在在哪里能找到{x}？", "最后{x}在哪里？"],
}
PORTABLE = ["key", "book", "hat", "cup", "lamp", "bag", "box", "basket", "letter", "umbrella", "map", "camera"]

# English | German | French | Japanese | Chinese; all plural, all counted with 個 and 个
COUNTED = w.table("""
apples|Äpfel|pommes|りんご|苹果
oranges|Orangen|oranges|オレンジ|橙子
eggs|Eier|œufs|卵|鸡蛋
stones|Steine|pierres|石|石子
buttons|Knöpfe|boutons|ボタン|纽扣
balls|Bälle|balles|ボール|球
cups|Tassen|tasses|カップ|杯子
boxes|Kisten|boîtes|箱|箱子
lemons|Zitronen|citrons|レモン|柠檬
pears|Birnen|poires|梨|梨
tomatoes|Tomaten|tomates|トマト|西红柿
onions|Zwiebeln|oignons|玉ねぎ|洋葱
peaches|Pfirsiche|pêches|桃|桃子
chestnuts|Kastanien|châtaignes|栗|栗子
potatoes|Kartoffeln|pommes de terre|ジャガイモ|土豆
shells|Muscheln|coquillages|貝殻|贝壳
marbles|Murmeln|billes|ビー玉|弹珠
sweets|Bonbons|bonbons|あめ|糖果
rolls|Brötchen|petits pains|パン|面包
bells|Glocken|clochettes|鈴|铃铛
walnuts|Walnüsse|noix|クルミ|核桃
baskets|Körbe|paniers|かご|篮子
lamps|Lampen|lampes|ランプ|灯
vases|Vasen|vases|花瓶|花瓶
bags|Taschen|sacs|かばん|背包
""")

HAS = {
    "en": "{a} has {n} {things}.", "de": "{a} hat {n} {things}.", "fr": "{a} a {n} {things}.",
    "ja": "{a}は{things}を{n}個持っています。", "zh": "{a}有{n}个{things}。",
}
GETS = {
    "en": ["{b} gives {him} {n} more.", "then {b} brings {him} {n} more."],
    "de": ["{b} gibt {him} noch {n} dazu.", "dann bringt {b} {him} noch {n}."],
    "fr": ["{b} lui en donne encore {n}.", "puis {b} lui en apporte encore {n}."],
    "ja": ["{a}は{b}からさらに{n}個もらいます。", "それから{b}がもう{n}個くれます。"],
    "zh": ["{b}又给了{him}{n}个。", "然后{b}又送来{n}个。"],
}
GIVES = {
    "en": ["{a} gives {b} {n} of them.", "then {a} loses {n} of them."],
    "de": ["{a} gibt {b} {n} davon.", "dann verliert {a} {n} davon."],
    "fr": ["{a} en donne {n} à {b}.", "puis {a} en perd {n}."],
    "ja": ["{a}は{b}に{n}個あげます。", "それから{a}は{n}個なくします。"],
    "zh": ["{a}给了{b}{n}个。", "然后{a}弄丢了{n}个。"],
}
HOW_MANY = {
    "en": ["how many {things} does {a} have now?", "how many {things} does {a} have?", "so how many {things} does {a} have now?"],
    "de": ["wie viele {things} hat {a} jetzt?", "wie viele {things} hat {a}?", "wie viele {things} hat {a} also jetzt?"],
    "fr": ["combien {of_things} {a} a-t-{he} maintenant ?", "combien {of_things} {a} a-t-{he} ?",
           "alors, combien {of_things} {a} a-t-{he} maintenant ?"],
    "ja": ["今、{a}は{things}を何個持っていますか。", "{a}は{things}を何個持っていますか。", "では、{a}は今{things}を何個持っていますか。"],
    "zh": ["{a}现在有几个{things}？", "{a}有几个{things}？", "那么{a}现在有几个{things}？"],
}
TOGETHER = {
    "en": ["how many {things} do they have together?", "how many {things} do {a} and {b} have together?", "how many {things} is that together?"],
    "de": ["wie viele {things} haben sie zusammen?", "wie viele {things} haben {a} und {b} zusammen?", "wie viele {things} sind das zusammen?"],
    "fr": ["combien {of_things} ont-ils ensemble ?", "combien {of_things} {a} et {b} ont-ils ensemble ?", "combien {of_things} cela fait-il ensemble ?"],
    "ja": ["二人は合わせて{things}を何個持っていますか。", "{a}と{b}は合わせて{things}を何個持っていますか。", "{things}は全部で何個ですか。"],
    "zh": ["他们一共有几个{things}？", "{a}和{b}一共有几个{things}？", "{things}一共有几个？"],
}

# category in five languages: English | German | French | Japanese | Chinese
CATEGORIES = w.table("""
a fruit|eine Frucht|un fruit|果物|水果
a tool|ein Werkzeug|un outil|工具|工具
an animal|ein Tier|un animal|動物|动物
an instrument|ein Musikinstrument|un instrument|楽器|乐器
a garment|ein Kleidungsstück|un vêtement|服|衣服
a vehicle|ein Fahrzeug|un véhicule|乗り物|交通工具
a piece of furniture|ein Möbelstück|un meuble|家具|家具
a vegetable|ein Gemüse|un légume|野菜|蔬菜
a flower|eine Blume|une fleur|花|花
""")
# category | English | German | gender | French | gender | Japanese | Chinese
MEMBERS = w.table("""
0|apple|Apfel|m|pomme|f|りんご|苹果
0|pear|Birne|f|poire|f|梨|梨
0|banana|Banane|f|banane|f|バナナ|香蕉
0|orange|Orange|f|orange|f|オレンジ|橙子
0|peach|Pfirsich|m|pêche|f|桃|桃子
0|lemon|Zitrone|f|citron|m|レモン|柠檬
1|hammer|Hammer|m|marteau|m|ハンマー|锤子
1|saw|Säge|f|scie|f|のこぎり|锯子
1|screwdriver|Schraubenzieher|m|tournevis|m|ドライバー|螺丝刀
1|drill|Bohrer|m|perceuse|f|ドリル|电钻
1|axe|Axt|f|hache|f|斧|斧头
1|shovel|Schaufel|f|pelle|f|シャベル|铲子
2|dog|Hund|m|chien|m|犬|狗
2|cat|Katze|f|chat|m|猫|猫
2|horse|Pferd|n|cheval|m|馬|马
2|rabbit|Kaninchen|n|lapin|m|うさぎ|兔子
2|cow|Kuh|f|vache|f|牛|牛
2|mouse|Maus|f|souris|f|ねずみ|老鼠
3|violin|Geige|f|violon|m|バイオリン|小提琴
3|guitar|Gitarre|f|guitare|f|ギター|吉他
3|trumpet|Trompete|f|trompette|f|トランペット|小号
3|flute|Flöte|f|flûte|f|フルート|长笛
3|drum|Trommel|f|tambour|m|太鼓|鼓
3|piano|Klavier|n|piano|m|ピアノ|钢琴
4|shirt|Hemd|n|chemise|f|シャツ|衬衫
4|jacket|Jacke|f|veste|f|ジャケット|夹克
4|coat|Mantel|m|manteau|m|コート|大衣
4|skirt|Rock|m|jupe|f|スカート|裙子
4|dress|Kleid|n|robe|f|ワンピース|连衣裙
4|sweater|Pullover|m|pull|m|セーター|毛衣
5|car|Auto|n|voiture|f|車|汽车
5|bus|Bus|m|bus|m|バス|公交车
5|train|Zug|m|train|m|電車|火车
5|tram|Straßenbahn|f|tramway|m|路面電車|电车
5|truck|Lastwagen|m|camion|m|トラック|卡车
5|motorcycle|Motorrad|n|moto|f|オートバイ|摩托车
6|chair|Stuhl|m|chaise|f|椅子|椅子
6|table|Tisch|m|table|f|テーブル|桌子
6|bed|Bett|n|lit|m|ベッド|床
6|cupboard|Schrank|m|armoire|f|戸棚|柜子
6|sofa|Sofa|n|canapé|m|ソファー|沙发
6|shelf|Regal|n|étagère|f|棚|书架
7|carrot|Karotte|f|carotte|f|にんじん|胡萝卜
7|onion|Zwiebel|f|oignon|m|玉ねぎ|洋葱
7|cabbage|Kohlkopf|m|chou|m|キャベツ|卷心菜
7|potato|Kartoffel|f|pomme de terre|f|ジャガイモ|土豆
7|cucumber|Gurke|f|concombre|m|きゅうり|黄瓜
7|leek|Lauch|m|poireau|m|長ねぎ|大葱
8|rose|Rose|f|rose|f|バラ|玫瑰
8|tulip|Tulpe|f|tulipe|f|チューリップ|郁金香
8|lily|Lilie|f|lys|m|ユリ|百合花
8|sunflower|Sonnenblume|f|tournesol|m|ひまわり|向日葵
8|daisy|Gänseblümchen|n|marguerite|f|ヒナギク|雏菊
8|violet|Veilchen|n|violette|f|スミレ|紫罗兰
""")
SHOWN = {
    "en": ["the picture shows {a}, {b}, {c} and {d}.", "on the page there is {a}, {b}, {c} and {d}.",
           "one card shows {a} and {b}. the other card shows {c} and {d}.",
           "{name} draws {a} and {b}. {name2} draws {c} and {d}.",
           "{name} sees pictures of {a}, {b}, {c} and {d}.", "{name} talks about {a}, {b}, {c} and {d}."],
    "de": ["das Bild zeigt {a}, {b}, {c} und {d}.", "auf der Seite sieht man {a}, {b}, {c} und {d}.",
           "eine Karte zeigt {a} und {b}. die andere Karte zeigt {c} und {d}.",
           "{name} zeichnet {a} und {b}. {name2} zeichnet {c} und {d}.",
           "{name} sieht auf den Bildern {a}, {b}, {c} und {d}.", "{name} malt {a}, {b}, {c} und {d}."],
    "fr": ["l'image montre {a}, {b}, {c} et {d}.", "sur la page, on voit {a}, {b}, {c} et {d}.",
           "une carte montre {a} et {b}. l'autre carte montre {c} et {d}.",
           "{name} dessine {a} et {b}. {name2} dessine {c} et {d}.",
           "{name} voit sur les images {a}, {b}, {c} et {d}.", "{name} peint {a}, {b}, {c} et {d}."],
    "ja": ["絵には{a}、{b}、{c}、{d}が描かれています。", "ページには{a}、{b}、{c}、{d}の絵があります。",
           "一枚のカードには{a}と{b}の絵があります。もう一枚には{c}と{d}の絵があります。",
           "{name}は{a}と{b}を描きます。{name2}は{c}と{d}を描きます。",
           "{name}は{a}、{b}、{c}、{d}の絵を見ます。", "{name}は{a}、{b}、{c}、{d}の話をします。"],
    "zh": ["图上有{a}、{b}、{c}和{d}。", "这一页画着{a}、{b}、{c}和{d}。",
           "一张卡片上是{a}和{b}。另一张卡片上是{c}和{d}。",
           "{name}画了{a}和{b}。{name2}画了{c}和{d}。",
           "{name}看到了{a}、{b}、{c}和{d}的图片。", "{name}说起了{a}、{b}、{c}和{d}。"],
}
WHICH = {
    "en": ["which of these is {cat}?", "which one is {cat}?", "what among these is {cat}?"],
    "de": ["was davon ist {cat}?", "welches davon ist {cat}?", "was ist hier {cat}?"],
    "fr": ["lequel de ces mots désigne {cat} ?", "qu'est-ce qui est {cat} ?", "parmi ces choix, qu'est-ce qui est {cat} ?"],
    "ja": ["この中で{cat}はどれですか。", "{cat}はどれですか。", "このうち{cat}はどれですか。"],
    "zh": ["其中哪个是{cat}？", "哪个是{cat}？", "这里面哪个是{cat}？"],
}
