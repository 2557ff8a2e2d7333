namespace Banyan.Runtime.Tokenizers;

/// <summary>
/// Tokens that are recognised by their text if a file does not declare their purpose. The lists are llama.cpp's, so that generation ends
/// where it ends there.
/// </summary>
static class KnownTokens
{
    static readonly string[] s_endOfTurn = ["<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>",
        "<EOT>", "_<EOT>", "[EOT]", "<｜end▁of▁sentence｜>", "<end_of_utterance>"];
    static readonly string[] s_endOfGeneration =
    [
        "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>", "<end_of_turn>",
        "<|endoftext|>", "</s>", "<|eom_id|>",
        "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<|end_of_text|>", "<end_of_utterance>", "<eos>", "<turn|>", "<|tool_response>",
        "<｜end▁of▁sentence｜>", "[e~[",
    ];
    static readonly string[] s_fimPrefix = ["<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<｜fim▁begin｜>", "<PRE>", "▁<PRE>",
        "<|code_prefix|>", "<|prefix|>"];
    static readonly string[] s_fimSuffix = ["<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<｜fim▁hole｜>", "<SUF>", "▁<SUF>",
        "<|code_suffix|>", "<|suffix|>"];
    static readonly string[] s_fimMiddle = ["<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<｜fim▁end｜>", "<MID>", "▁<MID>",
        "<|code_middle|>", "<|middle|>"];
    static readonly string[] s_fimPad = ["<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"];
    static readonly string[] s_fimRepo = ["<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"];
    static readonly string[] s_fimFileSeparator = ["<|file_sep|>"];

    /// <summary>All texts that identify a control token.</summary>
    public static IReadOnlySet<string> All { get; } =
        new HashSet<string>([.. s_endOfTurn, .. s_endOfGeneration, .. s_fimPrefix, .. s_fimSuffix, .. s_fimMiddle, .. s_fimPad,
            .. s_fimRepo, .. s_fimFileSeparator]);

    /// <summary>Completes the file's declarations with tokens recognised by their text.</summary>
    public static SpecialIds Complete(SpecialIds special, IReadOnlyDictionary<string, int> named) => special with
    {
        EndOfTurn = special.EndOfTurn ?? First(named, s_endOfTurn),
        EndOfMessage = special.EndOfMessage ?? First(named, "<|eom_id|>"),
        FimPrefix = special.FimPrefix ?? First(named, s_fimPrefix),
        FimSuffix = special.FimSuffix ?? First(named, s_fimSuffix),
        FimMiddle = special.FimMiddle ?? First(named, s_fimMiddle),
        FimPad = special.FimPad ?? First(named, s_fimPad),
        FimRepo = special.FimRepo ?? First(named, s_fimRepo),
        FimFileSeparator = special.FimFileSeparator ?? First(named, s_fimFileSeparator),
    };

    /// <summary>The tokens at which a generation ends.</summary>
    public static IReadOnlySet<int> EndOfGeneration(SpecialIds special, IReadOnlyDictionary<string, int> named)
    {
        var ends = new HashSet<int>(special.AlsoEnd);
        foreach (var text in s_endOfGeneration)
        {
            if (named.TryGetValue(text, out var id))
                ends.Add(id);
        }
        foreach (var id in new[] { special.Eos, special.EndOfTurn, special.EndOfMessage, special.FimPad, special.FimRepo,
            special.FimFileSeparator })
        {
            if (id is { } end)
                ends.Add(end);
        }

        // gpt-oss and Solar write <|end|> between messages, Gemma 4 has a </s> that means nothing.
        if (named.TryGetValue("<|end|>", out var endOfMessage)
            && (Has("<|return|>") && Has("<|call|>") || (Has("<|call|>") || Has("<|calls|>")) && Has("<|flush|>")))
            ends.Remove(endOfMessage);
        if (named.TryGetValue("</s>", out var endOfSequence) && Has("<|tool_response>"))
            ends.Remove(endOfSequence);
        return ends;

        bool Has(string text) => named.ContainsKey(text);
    }

    /// <summary>The fill-in-the-middle tokens, null unless the three that it needs are there.</summary>
    public static FimTokens? Fim(SpecialIds special) => special is { FimPrefix: { } prefix, FimMiddle: { } middle, FimSuffix: { } suffix }
        ? new FimTokens(prefix, middle, suffix, special.FimPad, special.FimRepo, special.FimFileSeparator)
        : null;

    static int? First(IReadOnlyDictionary<string, int> named, params ReadOnlySpan<string> texts)
    {
        foreach (var text in texts)
        {
            if (named.TryGetValue(text, out var id))
                return id;
        }
        return null;
    }
}
