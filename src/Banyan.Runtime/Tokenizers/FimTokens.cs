namespace Banyan.Runtime.Tokenizers;

/// <summary>A model's fill-in-the-middle tokens.</summary>
/// <param name="Prefix">Precedes the text before the cursor.</param>
/// <param name="Middle">After this the model begins to write.</param>
/// <param name="Suffix">Precedes the text after the cursor.</param>
/// <param name="Pad">Ends the middle in some models.</param>
/// <param name="Repo">Precedes a repository's name.</param>
/// <param name="FileSeparator">Precedes each file's path.</param>
public sealed record FimTokens(int Prefix, int Middle, int Suffix, int? Pad = null, int? Repo = null, int? FileSeparator = null);
