using Banyan.Runtime.Generation;
using Banyan.Runtime.Tokenizers;

namespace Banyan.Runtime.Prompts;

/// <summary>
/// Prompts for fill-in-the-middle: the model writes what stands between a prefix and a suffix. As Qwen2.5-Coder was trained
/// (arXiv 2409.12186), and with other models' tokens of the same roles:
/// <code>
/// file         &lt;|fim_prefix|&gt;prefix&lt;|fim_suffix|&gt;suffix&lt;|fim_middle|&gt;
/// repository   &lt;|repo_name|&gt;name\n  &lt;|file_sep|&gt;path\ntext\n …  &lt;|file_sep|&gt;path\n&lt;|fim_prefix|&gt;prefix&lt;|fim_suffix|&gt;suffix&lt;|fim_middle|&gt;
/// </code>
/// </summary>
public static class Fim
{
    // Where the context is short, this part of it goes to the prefix, unless the suffix needs less than the rest.
    const double PrefixShare = 0.75;

    /// <summary>
    /// Makes a prompt of at most <paramref name="maxTokens"/> tokens. What does not fit is left out: other files first, the first of them
    /// first; then the beginning of the prefix and the end of the suffix, at line ends where possible.
    /// </summary>
    /// <param name="tokenizer">A tokenizer with FIM tokens.</param>
    /// <param name="prefix">The text before the cursor.</param>
    /// <param name="suffix">The text after it.</param>
    /// <param name="maxTokens">Tokens the prompt may have: the context less what the answer needs.</param>
    /// <param name="repository">Other files to show; needs a model with repository tokens, else ignored.</param>
    /// <returns>Token ids.</returns>
    /// <exception cref="GenerationException">The model has no FIM tokens.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no room even for the FIM tokens.</exception>
    public static int[] Prompt(Tokenizer tokenizer, string prefix, string suffix, int maxTokens = int.MaxValue,
        FimRepository? repository = null)
    {
        var fim = Tokens(tokenizer);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxTokens, 4);
        var budget = maxTokens - 3;
        var head = new List<int>();
        if (tokenizer is { AddsBos: true, Bos: { } bos } && budget-- > 0)
            head.Add(bos);

        var before = Encode(tokenizer, LastCharacters(prefix, budget));
        var after = Encode(tokenizer, FirstCharacters(suffix, budget));
        var prefixRoom = Math.Max((int)(budget * PrefixShare), budget - after.Length);
        before = KeepEnd(tokenizer, before, Math.Min(prefixRoom, budget));
        after = KeepStart(tokenizer, after, budget - before.Length);
        budget -= before.Length + after.Length;

        if (repository is not null && fim is { Repo: { } repoToken, FileSeparator: { } separator })
        {
            var name = Encode(tokenizer, repository.Name + "\n");
            var path = Encode(tokenizer, repository.Path + "\n");
            budget -= name.Length + path.Length + 2;
            if (budget >= 0)
            {
                var files = new List<int[]>();
                foreach (var file in repository.Files.Reverse())
                {
                    var text = file.Text.Length > budget * 32L ? null
                        : Encode(tokenizer, $"{file.Path}\n{file.Text}{(file.Text.EndsWith('\n') ? "" : "\n")}");
                    if (text is null || text.Length + 1 > budget)
                        break;
                    files.Add(text);
                    budget -= text.Length + 1;
                }
                head.AddRange([repoToken, .. name]);
                foreach (var file in Enumerable.Reverse(files))
                    head.AddRange([separator, .. file]);
                head.AddRange([separator, .. path]);
            }
        }
        return [.. head, fim.Prefix, .. before, fim.Suffix, .. after, fim.Middle];
    }

    /// <summary>
    /// As <see cref="Prompt"/>, with room for the answer, and the options with the tokens that end it. A quarter of the context, at most,
    /// stays free.
    /// </summary>
    /// <param name="tokenizer">A tokenizer with FIM tokens.</param>
    /// <param name="contextLength">Tokens of prompt and answer at most.</param>
    /// <param name="prefix">The text before the cursor.</param>
    /// <param name="suffix">The text after it.</param>
    /// <param name="options">How to sample, and the most tokens of the answer.</param>
    /// <param name="repository">Other files to show.</param>
    /// <exception cref="GenerationException">The model has no FIM tokens.</exception>
    public static (int[] Prompt, GenerationOptions Options) Prepare(
        Tokenizer tokenizer, int contextLength, string prefix, string suffix, GenerationOptions options,
        FimRepository? repository = null) =>
        (Prompt(tokenizer, prefix, suffix, contextLength - Math.Min(options.MaxTokens, contextLength / 4), repository),
            options with { StopTokens = StopTokens(tokenizer) });

    /// <summary>
    /// Tokens that end what stands in the middle, besides end-of-text: the model's own FIM and file tokens (llama.cpp #9606).
    /// </summary>
    /// <exception cref="GenerationException">The model has no FIM tokens.</exception>
    public static IReadOnlyList<int> StopTokens(Tokenizer tokenizer)
    {
        var fim = Tokens(tokenizer);
        return [fim.Prefix, fim.Suffix, fim.Middle, .. new[] { fim.Pad, fim.Repo, fim.FileSeparator }.OfType<int>()];
    }

    static FimTokens Tokens(Tokenizer tokenizer) => tokenizer.Fim
        ?? throw new GenerationException("this model has no fill-in-the-middle tokens: use a base coder model such as Qwen2.5-Coder");

    // Text is never read as special tokens, whatever it contains.
    static int[] Encode(Tokenizer tokenizer, string text) => tokenizer.Encode(text, addSpecial: false, parseSpecial: false);

    // A token is rarely longer than this many characters: more text than that need not be encoded to be cut.
    static string LastCharacters(string text, int tokens)
    {
        var start = (int)Math.Max(0, text.Length - tokens * 32L);
        return text[(start > 0 && char.IsLowSurrogate(text[start]) ? start + 1 : start)..];
    }

    static string FirstCharacters(string text, int tokens)
    {
        var end = (int)Math.Min(text.Length, tokens * 32L);
        return text[..(end > 0 && end < text.Length && char.IsHighSurrogate(text[end - 1]) ? end - 1 : end)];
    }

    // The last `room` tokens; from the first line that begins in their first half, if one does.
    static int[] KeepEnd(Tokenizer tokenizer, int[] tokens, int room)
    {
        if (tokens.Length <= room)
            return tokens;
        var kept = room <= 0 ? [] : tokens[^room..];
        for (var i = 0; i < kept.Length / 2; i++)
            if (tokenizer.Bytes(kept[i]).EndsWith("\n"u8))
                return kept[(i + 1)..];
        return kept;
    }

    // The first `room` tokens; up to the last line that ends in their second half, if one does.
    static int[] KeepStart(Tokenizer tokenizer, int[] tokens, int room)
    {
        if (tokens.Length <= room)
            return tokens;
        var kept = room <= 0 ? [] : tokens[..room];
        for (var i = kept.Length - 1; i > kept.Length / 2; i--)
            if (tokenizer.Bytes(kept[i]).EndsWith("\n"u8))
                return kept[..(i + 1)];
        return kept;
    }
}

/// <summary>What a repository-level prompt shows besides the file being completed.</summary>
/// <param name="Name">The repository's name.</param>
/// <param name="Path">The path of the file being completed.</param>
/// <param name="Files">Other files, the most helpful last.</param>
public sealed record FimRepository(string Name, string Path, IReadOnlyList<FimFile> Files);

/// <summary>A file of a repository.</summary>
/// <param name="Path">Its path, with slashes.</param>
/// <param name="Text">Its text.</param>
public sealed record FimFile(string Path, string Text);
