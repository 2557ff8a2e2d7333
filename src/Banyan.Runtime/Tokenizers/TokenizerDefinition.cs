using Banyan.Runtime.Tokenizers.BytePairs;
using Banyan.Runtime.Tokenizers.Normalization;
using Banyan.Runtime.Tokenizers.PreTokenization;

namespace Banyan.Runtime.Tokenizers;

/// <summary>Everything that defines a tokenizer, whatever file it was read from.</summary>
sealed record TokenizerDefinition
{
    public required Vocabulary Vocabulary { get; init; }

    public required TextEncoder Encoder { get; init; }

    /// <summary>The texts and ids of tokens that are not <see cref="TokenKind.Normal"/>, for lookup by name.</summary>
    public required IReadOnlyDictionary<string, int> Named { get; init; }

    /// <summary>Matched in the original text.</summary>
    public required IReadOnlyList<AddedToken> Added { get; init; }

    /// <summary>Matched after <see cref="Normalizers"/>.</summary>
    public IReadOnlyList<AddedToken> AddedToNormalized { get; init; } = [];

    public IReadOnlyList<TextStep> Normalizers { get; init; } = [];

    /// <summary>Applied after <see cref="AddedToNormalized"/> are taken out.</summary>
    public IReadOnlyList<TextStep> Prefixers { get; init; } = [];

    public IReadOnlyList<PreTokenizer> PreTokenizers { get; init; } = [];

    /// <summary>Whether decoding drops the space that encoding prepended.</summary>
    public bool DropsFirstSpace { get; init; }

    /// <summary>The ids that <c>addSpecial</c> puts before a text.</summary>
    public IReadOnlyList<int> Before { get; init; } = [];

    /// <summary>The ids that <c>addSpecial</c> puts after a text.</summary>
    public IReadOnlyList<int> After { get; init; } = [];

    public required SpecialIds Special { get; init; }
}

/// <summary>The ids that a file gives for special tokens; null if it gives none.</summary>
sealed record SpecialIds
{
    public int? Bos { get; init; }
    public int? Eos { get; init; }
    public int? EndOfTurn { get; init; }
    public int? EndOfMessage { get; init; }
    public int? Unknown { get; init; }
    public int? Pad { get; init; }
    public int? FimPrefix { get; init; }
    public int? FimSuffix { get; init; }
    public int? FimMiddle { get; init; }
    public int? FimPad { get; init; }
    public int? FimRepo { get; init; }
    public int? FimFileSeparator { get; init; }

    /// <summary>More ids that end a generation (generation_config.json may list several).</summary>
    public IReadOnlyList<int> AlsoEnd { get; init; } = [];
}
