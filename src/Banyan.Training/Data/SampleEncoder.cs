using Banyan.Runtime.Templates;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Tokenizers;

namespace Banyan.Training.Data;

/// <summary>Turns records into samples.</summary>
/// <param name="tokenizer">The model's tokenizer.</param>
/// <param name="template">For conversations.</param>
/// <param name="maxTokens">Tokens of a piece of plain text.</param>
/// <param name="parseSpecial">Whether the text of a special token in plain text and completions is that token.</param>
sealed class SampleEncoder(Tokenizer tokenizer, ChatTemplate template, int maxTokens, bool parseSpecial)
{
    readonly ConversationEncoder _conversations = new(tokenizer, template);

    /// <summary>
    /// The samples of a record: usually one; several for a long text or a conversation whose template rewrites earlier turns.
    /// </summary>
    /// <exception cref="RecordException">It contains no targets.</exception>
    public IReadOnlyList<Sample> Encode(Example example) => example switch
    {
        ChatExample chat => _conversations.Encode(chat),
        CompletionExample completion => [Completion(completion)],
        TextExample text => [.. Text(text.Text)],
        _ => throw new RecordException("a pair of answers is no single sample"),
    };

    /// <summary>Two answers after the same prompt.</summary>
    /// <exception cref="RecordException">One of them is not a single sample.</exception>
    public PreferencePair Encode(PreferenceExample pair) => new(Last(pair.Chosen), Last(pair.Rejected));

    // What is compared is the last answer, whatever the template made of those before it.
    Sample Last(Example example) => Encode(example)[^1];

    Sample Completion(CompletionExample example)
    {
        int[] prompt = [.. Start(), .. tokenizer.Encode(example.Prompt, addSpecial: false, parseSpecial)];
        var completion = example.Prompt.Length > 0 ? tokenizer.EncodeNext(example.Completion, parseSpecial)
            : tokenizer.Encode(example.Completion, addSpecial: false, parseSpecial);
        int[] tokens = [.. prompt, .. completion, .. End(completion)];
        return new(tokens, [.. tokens.Select((_, i) => i >= prompt.Length)]);
    }

    IEnumerable<Sample> Text(string text)
    {
        var encoded = tokenizer.Encode(text, addSpecial: false, parseSpecial);
        int[] tokens = [.. encoded, .. End(encoded)];
        int[] start = [.. Start()];
        var room = Math.Max(1, maxTokens - start.Length);
        for (var at = 0; at < tokens.Length; at += room)
        {
            int[] piece = [.. start, .. tokens.AsSpan(at, Math.Min(room, tokens.Length - at))];
            yield return new(piece, [.. piece.Select((_, i) => i >= start.Length)]);
        }
    }

    IEnumerable<int> Start() => tokenizer is { AddsBos: true, Bos: { } bos } ? [bos] : [];

    // Text that brings its own end needs no other.
    IEnumerable<int> End(int[] text) => tokenizer.Eos is { } eos
        && !(text.Length > 0 && tokenizer.EndOfGeneration.Contains(text[^1])) ? [eos] : [];
}
