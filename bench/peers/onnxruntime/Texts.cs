namespace Banyan.Onnx;

/// <summary>Sentences in ten languages, written for this.</summary>
static class Texts
{
    static readonly string[][] s_sentences =
    [
        ["The river was high after the rain.", "A small model answers quickly on an old laptop.",
            "Where can I buy two tickets for tomorrow?", "Teachers asked for books in their own language.",
            "Measure first, and change one thing at a time."],
        ["O rio subiu depois da chuva.", "Um modelo pequeno responde depressa num computador antigo.",
            "Onde posso comprar dois bilhetes para amanhã?", "Os professores pediram livros na sua língua.",
            "Meça primeiro e mude uma coisa de cada vez."],
        ["Sungai meluap setelah hujan.", "Model kecil menjawab cepat di laptop tua.", "Di mana saya bisa membeli dua tiket untuk besok?",
            "Para guru meminta buku dalam bahasa mereka sendiri.", "Ukur dulu, lalu ubah satu hal setiap kali."],
        ["बारिश के बाद नदी ऊँची थी।", "छोटा मॉडल पुराने लैपटॉप पर जल्दी जवाब देता है।", "कल के लिए दो टिकट कहाँ मिलेंगे?",
            "शिक्षकों ने अपनी भाषा में किताबें माँगीं।", "पहले मापो, फिर एक बार में एक चीज़ बदलो।"],
        ["雨后河水涨得很高。", "小模型在旧笔记本上回答得很快。", "明天的两张票在哪里买？", "老师们要求用自己的语言写的书。", "先测量，一次只改一件事。"],
        ["El río creció después de la lluvia.", "Un modelo pequeño responde rápido en un portátil viejo.",
            "¿Dónde puedo comprar dos billetes para mañana?", "Los maestros pidieron libros en su propia lengua.",
            "Mide primero y cambia una cosa cada vez."],
        ["La rivière était haute après la pluie.", "Un petit modèle répond vite sur un vieil ordinateur.",
            "Où acheter deux billets pour demain ?", "Les enseignants ont demandé des livres dans leur langue.",
            "Mesurez d'abord, et changez une chose à la fois."],
        ["Der Fluss war nach dem Regen hoch.", "Ein kleines Modell antwortet auch auf einem alten Rechner schnell.",
            "Wo bekomme ich zwei Karten für morgen?", "Die Lehrerinnen baten um Bücher in ihrer Sprache.",
            "Erst messen, dann eins nach dem anderen ändern."],
        ["كان النهر مرتفعا بعد المطر.", "النموذج الصغير يجيب بسرعة على حاسوب قديم.", "أين أشتري تذكرتين ليوم غد؟",
            "طلب المعلمون كتبا بلغتهم.", "قس أولا ثم غير شيئا واحدا كل مرة."],
        ["Mto ulijaa baada ya mvua.", "Modeli ndogo hujibu haraka kwenye kompyuta ya zamani.", "Naweza kununua wapi tiketi mbili za kesho?",
            "Walimu waliomba vitabu kwa lugha yao.", "Pima kwanza, badilisha jambo moja kwa wakati."],
    ];

    /// <summary>Twenty of each language, of one to five sentences.</summary>
    public static IEnumerable<string> All =>
        s_sentences.SelectMany(of => Enumerable.Range(0, 20)
            .Select(n => string.Join(' ', Enumerable.Range(0, 1 + n / 4).Select(i => of[(n + 2 * i) % of.Length]))));
}
