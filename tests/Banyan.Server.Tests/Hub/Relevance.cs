namespace Banyan.Server.Tests.Hub;

/// <summary>A small catalogue of many kinds, and what people type who look for something in it.</summary>
static class Relevance
{
    /// <summary>Name, downloads, the card's header, its text.</summary>
    public static readonly (string Name, int Downloads, string Header, string Text)[] Models =
    [
        ("Qwen2.5-Coder-1.5B-Instruct", 90_000, "pipeline_tag: text-generation\nlanguage: en\nlicense: apache-2.0\ntags: [code, chat]", "Completes and explains code in ninety programming languages."),
        ("Qwen2.5-Coder-0.5B", 40_000, "pipeline_tag: text-generation\nlanguage: en\nlicense: apache-2.0\ntags: [code]", "The base model for code, small enough for a telephone."),
        ("Qwen3-Embedding-0.6B", 50_000, "pipeline_tag: feature-extraction\nlicense: apache-2.0\ntags: [sentence-transformers]", "Turns text into vectors for retrieval."),
        ("Llama-3.2-1B-Instruct", 99_000, "pipeline_tag: text-generation\nlanguage: [en, de, fr, pt, hi, es, th]\nlicense: llama3.2", "Multilingual dialogue, summaries, agents."),
        ("TinyLlama-1.1B-Chat", 70_000, "pipeline_tag: text-generation\nlanguage: en\nlicense: apache-2.0", "A compact chat model trained on three trillion tokens."),
        ("gemma-3-270m-it", 60_000, "pipeline_tag: text-generation\nlicense: gemma", "The smallest of the family; fine-tune it for one task."),
        ("phi-4-mini", 65_000, "pipeline_tag: text-generation\nlanguage: en\nlicense: mit", "Reasoning and mathematics in 3.8 billion parameters."),
        ("whisper-small", 85_000, "pipeline_tag: automatic-speech-recognition\nlanguage: [en, hi, id, pt]\nlicense: apache-2.0", "Transcribes speech; translates it to English."),
        ("wav2vec2-indonesian", 900, "pipeline_tag: automatic-speech-recognition\nlanguage: id\nlicense: apache-2.0", "Pengenalan suara untuk Bahasa Indonesia, dilatih dengan Common Voice."),
        ("indobert-base", 5_000, "pipeline_tag: fill-mask\nlanguage: id\nlicense: mit", "BERT untuk bahasa Indonesia."),
        ("sentimen-id", 300, "pipeline_tag: text-classification\nlanguage: id\nlicense: mit", "Klasifikasi sentimen ulasan produk: positif, negatif, netral."),
        ("nllb-200-distilled", 30_000, "pipeline_tag: translation\nlicense: cc-by-nc-4.0\ntags: [nllb]", "Translates between two hundred languages, among them Swahili, Yoruba and Quechua."),
        ("opus-mt-en-hi", 4_000, "pipeline_tag: translation\nlanguage: [en, hi]\nlicense: apache-2.0", "English to Hindi."),
        ("hindi-sahayak", 800, "pipeline_tag: text-generation\nlanguage: hi\nlicense: apache-2.0", "हिन्दी में बातचीत करने वाला सहायक मॉडल। सरकारी योजनाओं के प्रश्नों के उत्तर देता है।"),
        ("airavata", 2_000, "pipeline_tag: text-generation\nlanguage: hi\nlicense: llama2", "Instruction-tuned for Hindi."),
        ("kisan-mitra", 120, "pipeline_tag: question-answering\nlanguage: [hi, mr]\nlicense: mit", "किसानों के लिए खेती और फसल के प्रश्नोत्तर।"),
        ("bertimbau", 8_000, "pipeline_tag: fill-mask\nlanguage: pt\nlicense: mit", "BERT para o português brasileiro."),
        ("sabia-jurídico".Replace('í', 'i'), 200, "pipeline_tag: text-generation\nlanguage: pt\nlicense: apache-2.0", "Responde perguntas sobre legislação e jurisprudência brasileira; resume petições e contratos."),
        ("receitas-medicas", 90, "pipeline_tag: token-classification\nlanguage: pt\nlicense: cc-by-sa-4.0", "Extrai medicamentos e posologia de prescrições médicas."),
        ("chatglm-yiliao", 1_500, "pipeline_tag: text-generation\nlanguage: zh\nlicense: apache-2.0", "中文医疗问答模型，根据症状给出建议。"),
        ("baichuan-falv", 1_100, "pipeline_tag: text-generation\nlanguage: zh\nlicense: apache-2.0", "面向法律咨询的中文大语言模型，熟悉合同与劳动法。"),
        ("paddle-ocr-zh", 9_000, "pipeline_tag: image-to-text\nlanguage: zh\nlicense: apache-2.0", "识别图片中的中文文字。"),
        ("typhoon-thai", 3_000, "pipeline_tag: text-generation\nlanguage: th\nlicense: apache-2.0", "โมเดลภาษาไทยสำหรับการสนทนาและสรุปข่าว"),
        ("stable-diffusion-xl", 95_000, "pipeline_tag: text-to-image\nlicense: openrail", "Draws pictures from descriptions, 1024 pixels wide."),
        ("flux-schnell", 80_000, "pipeline_tag: text-to-image\nlicense: apache-2.0", "Pictures in four steps."),
        ("kling-open-video", 7_000, "pipeline_tag: text-to-video\nlicense: apache-2.0", "Short films from a sentence or from a picture."),
        ("musicgen-small", 12_000, "pipeline_tag: text-to-audio\nlicense: cc-by-nc-4.0", "Composes music: melody, drums, guitar."),
        ("xtts-v2", 20_000, "pipeline_tag: text-to-speech\nlanguage: [en, pt, hi]\nlicense: mpl-2.0", "Speaks with a cloned voice after six seconds of it."),
        ("yolo-v10", 33_000, "pipeline_tag: object-detection\nlicense: agpl-3.0", "Finds cars, people, dogs in pictures at ninety frames a second."),
        ("segment-anything", 45_000, "pipeline_tag: mask-generation\nlicense: apache-2.0", "Cuts objects out of images."),
        ("plant-disease-resnet", 400, "pipeline_tag: image-classification\nlicense: mit", "Recognises rust, blight and mildew on leaves of wheat, rice and cassava."),
        ("chest-xray-vit", 700, "pipeline_tag: image-classification\nlicense: cc-by-nc-4.0\ntags: [medical]", "Detects pneumonia and tuberculosis on radiographs."),
        ("bge-reranker-base", 26_000, "pipeline_tag: text-ranking\nlanguage: [en, zh]\nlicense: mit", "Scores how well a passage answers a question."),
        ("all-MiniLM-L6-v2", 98_000, "pipeline_tag: sentence-similarity\nlanguage: en\nlicense: apache-2.0\ntags: [sentence-transformers]", "Maps sentences to 384 dimensions for clustering or semantic search."),
        ("distilbert-sst2", 75_000, "pipeline_tag: text-classification\nlanguage: en\nlicense: apache-2.0", "Sentiment of English film reviews."),
        ("toxicity-filter", 6_000, "pipeline_tag: text-classification\nlanguage: en\nlicense: apache-2.0", "Marks insults, threats and hate speech in comments."),
        ("bart-cnn", 55_000, "pipeline_tag: summarization\nlanguage: en\nlicense: mit", "Summaries of news articles."),
        ("ner-multilingual", 11_000, "pipeline_tag: token-classification\nlicense: afl-3.0", "People, places and organizations in forty languages."),
        ("sqlcoder-7b", 10_000, "pipeline_tag: text-generation\nlanguage: en\nlicense: cc-by-sa-4.0\ntags: [code, sql]", "Questions in English become SQL queries."),
        ("starcoder2-3b", 38_000, "pipeline_tag: text-generation\nlicense: bigcode-openrail-m\ntags: [code]", "Seventeen programming languages, fill in the middle."),
        ("csharp-tuned-coder", 150, "pipeline_tag: text-generation\nlicense: apache-2.0\ntags: [code, csharp, dotnet]\nbase_model: Qwen/Qwen2.5-Coder-0.5B", "Adapter for the style of .NET libraries."),
        ("mistral-small-3", 58_000, "pipeline_tag: text-generation\nlanguage: [en, fr, de]\nlicense: apache-2.0", "Low latency, function calls, agents."),
        ("mixtral-8x7b", 47_000, "pipeline_tag: text-generation\nlicense: apache-2.0\ntags: [moe]", "Eight experts, of which two answer."),
        ("deepseek-r1-distill-1.5b", 88_000, "pipeline_tag: text-generation\nlicense: mit", "Thinks step by step before it answers; distilled from a larger reasoning model."),
        ("timesfm", 2_500, "pipeline_tag: time-series-forecasting\nlicense: apache-2.0", "Forecasts demand, temperature and prices without training."),
        ("tabpfn", 3_500, "pipeline_tag: tabular-classification\nlicense: apache-2.0", "Classifies small tables in a second."),
        ("clip-vit-b32", 82_000, "pipeline_tag: zero-shot-image-classification\nlicense: mit", "Images and text in one space."),
        ("layoutlm-invoices", 1_300, "pipeline_tag: document-question-answering\nlanguage: en\nlicense: cc-by-nc-sa-4.0", "Reads totals, dates and vendors from scanned invoices."),
        ("esm2-protein", 4_500, "pipeline_tag: fill-mask\nlicense: mit\ntags: [biology]", "Protein sequences; predicts mutations."),
        ("weather-graphcast", 600, "license: cc-by-nc-4.0\ntags: [climate]", "Ten days of weather for the whole earth."),
        ("kiswahili-asr", 250, "pipeline_tag: automatic-speech-recognition\nlanguage: sw\nlicense: apache-2.0", "Hotuba ya Kiswahili kuwa maandishi."),
        ("vietnamese-bi-encoder", 950, "pipeline_tag: sentence-similarity\nlanguage: vi\nlicense: apache-2.0", "Tìm kiếm ngữ nghĩa cho tiếng Việt."),
        ("arabic-poetry", 80, "pipeline_tag: text-generation\nlanguage: ar\nlicense: mit", "يكتب الشعر العربي على بحور الخليل."),
    ];

    /// <summary>What is typed, and what it means.</summary>
    public static readonly (string Query, string Meant)[] Queries =
    [
        ("qwen coder 1.5b", "Qwen2.5-Coder-1.5B-Instruct"), ("qwen2.5 coder 0.5b", "Qwen2.5-Coder-0.5B"), ("Qwen 2.5 coder instruct", "Qwen2.5-Coder-1.5B-Instruct"), ("tiny llama", "TinyLlama-1.1B-Chat"),
        ("tinyllama", "TinyLlama-1.1B-Chat"), ("llama 3.2 1b", "Llama-3.2-1B-Instruct"), ("lamma 3.2", "Llama-3.2-1B-Instruct"), ("mistrall", "mistral-small-3"), ("gema 270m", "gemma-3-270m-it"), ("wisper", "whisper-small"),
        ("speech recognition indonesian", "wav2vec2-indonesian"), ("pengenalan suara", "wav2vec2-indonesian"), ("bahasa indonesia bert", "indobert-base"), ("sentimen ulasan", "sentimen-id"), ("indonesian sentiment classification", "sentimen-id"),
        ("hindi chat apache", "hindi-sahayak"), ("हिन्दी सहायक", "hindi-sahayak"), ("सरकारी योजनाओं", "hindi-sahayak"), ("किसान", "kisan-mitra"), ("फसल प्रश्नोत्तर", "kisan-mitra"), ("translate english to hindi", "opus-mt-en-hi"), ("marathi question answering", "kisan-mitra"),
        ("português brasileiro bert", "bertimbau"), ("portugues brasileiro", "bertimbau"), ("legislação", "sabia-juridico"), ("legislacao brasileira contratos", "sabia-juridico"), ("prescrições médicas", "receitas-medicas"), ("medicamentos", "receitas-medicas"),
        ("医疗", "chatglm-yiliao"), ("中文医疗问答", "chatglm-yiliao"), ("法律咨询", "baichuan-falv"), ("劳动法", "baichuan-falv"), ("识别图片文字", "paddle-ocr-zh"), ("chinese ocr", "paddle-ocr-zh"), ("ภาษาไทย", "typhoon-thai"), ("thai chat", "typhoon-thai"),
        ("text to image apache", "flux-schnell"), ("stable diffusion", "stable-diffusion-xl"), ("stabel difusion", "stable-diffusion-xl"), ("text-to-video", "kling-open-video"), ("music", "musicgen-small"), ("voice cloning text to speech", "xtts-v2"), ("object detection", "yolo-v10"),
        ("wheat rust", "plant-disease-resnet"), ("tuberculosis x-ray", "chest-xray-vit"), ("reranker", "bge-reranker-base"), ("minilm", "all-MiniLM-L6-v2"), ("sentence similarity english", "all-MiniLM-L6-v2"), ("film reviews sentiment", "distilbert-sst2"), ("hate speech", "toxicity-filter"),
        ("news summaries", "bart-cnn"), ("sql from english", "sqlcoder-7b"), ("dotnet csharp", "csharp-tuned-coder"), ("mixture experts", "mixtral-8x7b"), ("reasoning distilled", "deepseek-r1-distill-1.5b"), ("time series forecasting", "timesfm"), ("scanned invoices", "layoutlm-invoices"),
        ("protein", "esm2-protein"), ("swahili speech", "kiswahili-asr"), ("tiếng việt", "vietnamese-bi-encoder"), ("tieng viet", "vietnamese-bi-encoder"), ("الشعر العربي", "arabic-poetry"), ("embedding qwen3", "Qwen3-Embedding-0.6B"), ("wether forecast", "weather-graphcast"),
    ];
}
