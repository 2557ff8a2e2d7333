namespace Banyan.Runtime.Tokenizers;

/// <summary>The tokens with which a model fills in the middle.</summary>
/// <param name="Prefix">Before the text before the cursor.</param>
/// <param name="Middle">Where the model begins to write.</param>
/// <param name="Suffix">Before the text after the cursor.</param>
/// <param name="Pad">Ends the middle in some models.</param>
/// <param name="Repo">Before a repository's name.</param>
/// <param name="FileSeparator">Before each file's path.</param>
public sealed record FimTokens(int Prefix, int Middle, int Suffix, int? Pad = null, int? Repo = null, int? FileSeparator = null);
