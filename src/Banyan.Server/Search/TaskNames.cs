namespace Banyan.Server.Search;

/// <summary>What else people call the tasks that cards name.</summary>
static class TaskNames
{
    static readonly Dictionary<string, string> s_names = new(StringComparer.OrdinalIgnoreCase)
    {
        ["text-generation"] = "chat assistant llm language writing completion",
        ["text2text-generation"] = "chat assistant llm",
        ["image-text-to-text"] = "vision vlm multimodal chat",
        ["automatic-speech-recognition"] = "asr transcription speech to text stt dictation",
        ["text-to-speech"] = "tts voice speak",
        ["text-to-audio"] = "music sound",
        ["image-to-text"] = "ocr caption",
        ["text-to-image"] = "picture drawing generation",
        ["text-to-video"] = "film movie generation",
        ["feature-extraction"] = "embedding vector",
        ["sentence-similarity"] = "embedding vector semantic",
        ["text-ranking"] = "reranker rerank",
        ["text-classification"] = "sentiment classifier",
        ["token-classification"] = "ner entity recognition tagging",
        ["question-answering"] = "qa answer",
        ["document-question-answering"] = "qa document ocr",
        ["summarization"] = "summary summaries",
        ["translation"] = "translate translator",
        ["image-classification"] = "photo recognition classifier",
        ["object-detection"] = "detect detector",
        ["time-series-forecasting"] = "forecast prediction",
        ["zero-shot-image-classification"] = "clip",
    };

    /// <summary>Other names of a task, or nothing.</summary>
    public static string Of(string? task) => s_names.GetValueOrDefault(task ?? "", "");
}
