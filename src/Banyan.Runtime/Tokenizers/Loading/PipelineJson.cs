using System.Text;
using System.Text.Json;
using Banyan.Runtime.Files;
using Banyan.Runtime.Tokenizers.Normalization;
using Banyan.Runtime.Tokenizers.PreTokenization;

namespace Banyan.Runtime.Tokenizers.Loading;

/// <summary>tokenizer.json's normalizer, pre_tokenizer and decoder.</summary>
sealed class PipelineJson
{
    readonly string _path;

    PipelineJson(string path) => _path = path;

    public List<TextStep> Normalizers { get; } = [];

    public List<TextStep> Prefixers { get; } = [];

    public List<PreTokenizer> PreTokenizers { get; } = [];

    public bool ByteLevel { get; private set; }

    public bool DropsFirstSpace { get; private set; }

    public static PipelineJson Read(string path, JsonElement root)
    {
        var pipeline = new PipelineJson(path);
        if (root.Field("normalizer") is { } normalizer)
            pipeline.ReadNormalizer(normalizer);
        if (root.Field("pre_tokenizer") is { } preTokenizer)
            pipeline.ReadPreTokenizer(preTokenizer);
        if (!pipeline.ByteLevel)
            pipeline.Normalizers.Insert(0, SentencePiece.SpacesFromMarks);
        if (root.Field("decoder") is { } decoder)
            pipeline.ReadDecoder(decoder);
        return pipeline;
    }

    /// <summary>An added token's text after the normalizers, which is how it appears in a normalized text.</summary>
    public string Normalize(string content)
    {
        var text = Encoding.UTF8.GetBytes(content);
        if (text.Length > 0)
        {
            foreach (var normalizer in Normalizers)
                text = normalizer.Apply(text, first: false) ?? text;
        }
        return Encoding.UTF8.GetString(text);
    }

    void ReadNormalizer(JsonElement normalizer)
    {
        switch (Type(normalizer))
        {
            case "Sequence":
                foreach (var item in normalizer.Items("normalizers", _path))
                    ReadNormalizer(item);
                break;
            case "NFC":
                Normalizers.Add(new Nfc());
                break;
            case "Prepend":
                Normalizers.Add(new Prepend(Spaced(normalizer.Text("prepend", _path) ?? "")));
                break;
            case "Replace" when normalizer.Field("pattern")?.Text("String", _path) is { Length: > 0 } from:
                var to = Spaced(normalizer.Text("content", _path) ?? "");
                if (!Spaced(from).AsSpan().SequenceEqual(to)) // " " → "▁" is no change here: see SentencePiece
                    Normalizers.Add(new Replace(Spaced(from), to));
                break;
            case var type:
                throw TokenizerJson.Unsupported(_path, "normalizer", type, "Sequence, NFC, Prepend, Replace (of a String)");
        }
    }

    void ReadPreTokenizer(JsonElement preTokenizer)
    {
        switch (Type(preTokenizer))
        {
            case "Sequence":
                foreach (var item in preTokenizer.Items("pretokenizers", _path))
                    ReadPreTokenizer(item);
                break;
            // Spaces have become ▁ before (Gemma).
            case "Split" when preTokenizer.Field("pattern")?.Text("String", _path) == " "
                && preTokenizer.Text("behavior", _path) == "MergedWithPrevious":
                break;
            case "Split":
                PreTokenizers.Add(Split(preTokenizer));
                break;
            case "Digits":
                PreTokenizers.Add(PublishedPatterns.All[preTokenizer.Flag("individual_digits", false, _path)
                    ? PublishedPatterns.Digit : PublishedPatterns.Digits]);
                break;
            case "ByteLevel":
                ByteLevel = true;
                if (preTokenizer.Flag("add_prefix_space", true, _path))
                    AddPrefix(onlyFirst: false, PreTokenizers.Count == 0, "ByteLevel with add_prefix_space after another");
                if (preTokenizer.Flag("use_regex", true, _path))
                    PreTokenizers.Add(PublishedPatterns.All[PublishedPatterns.Gpt2]);
                break;
            case "Metaspace":
                ReadMetaspace(preTokenizer);
                break;
            case var type:
                throw TokenizerJson.Unsupported(_path, "pre_tokenizer", type, "Sequence, Split, Digits, ByteLevel, Metaspace");
        }
    }

    PreTokenizer Split(JsonElement split)
    {
        var pattern = split.Field("pattern")?.Text("Regex", _path)
            ?? throw TokenizerJson.Unsupported(_path, "the pattern of a Split",
                split.Field("pattern") is { } other ? JsonReading.Shorten(other) : "missing", "a Regex");
        var behavior = split.Text("behavior", _path) ?? "";
        var inverted = split.Flag("invert", false, _path);
        if (!(behavior == "Isolated" || behavior == "Removed" && inverted)) // with a pattern that leaves no gaps the two are the same
            throw TokenizerJson.Unsupported(_path, "the behavior of a Split", behavior, "Isolated, or Removed with invert");
        return PublishedPatterns.Find(pattern)
            ?? throw TokenizerJson.Unsupported(_path, "the Regex of a Split", pattern, "those of: " + PreTokenizerFamily.KnownNames);
    }

    void ReadMetaspace(JsonElement metaspace)
    {
        if (metaspace.Text("replacement", _path) is { } replacement && replacement != SentencePiece.Mark)
            throw TokenizerJson.Unsupported(_path, "the replacement of a Metaspace", replacement, SentencePiece.Mark);
        var scheme = metaspace.Text("prepend_scheme", _path) ?? (metaspace.Flag("add_prefix_space", true, _path) ? "always" : "never");
        if (scheme is not ("always" or "first" or "never"))
            throw TokenizerJson.Unsupported(_path, "the prepend_scheme of a Metaspace", scheme, "always, first, never");
        if (scheme != "never")
            AddPrefix(scheme == "first", PreTokenizers.Count == 0, "Metaspace after another");
        if (metaspace.Flag("split", true, _path))
            PreTokenizers.Add(new SpacesSplit());
    }

    void AddPrefix(bool onlyFirst, bool comesFirst, string what)
    {
        if (!comesFirst)
            throw TokenizerJson.Unsupported(_path, "pre_tokenizer", what, "it only as the first");
        Prefixers.Add(new Prepend([(byte)' '], onlyFirst, onlyIfMissing: true));
    }

    void ReadDecoder(JsonElement decoder)
    {
        switch (Type(decoder))
        {
            case "Sequence":
                foreach (var item in decoder.Items("decoders", _path))
                    ReadDecoder(item);
                break;
            case "ByteLevel" or "ByteFallback" or "Fuse" or "Replace":
                break; // what a token stands for does not depend on them
            case "Strip":
                DropsFirstSpace = true;
                break;
            case "Metaspace":
                DropsFirstSpace = Prefixers.Count > 0;
                break;
            case var type:
                throw TokenizerJson.Unsupported(_path, "decoder", type,
                    "Sequence, ByteLevel, ByteFallback, Fuse, Replace, Strip, Metaspace");
        }
    }

    string Type(JsonElement part) => part.Text("type", _path) ?? "missing";

    static byte[] Spaced(string text) => Encoding.UTF8.GetBytes(text.Replace(SentencePiece.Mark, " "));
}
