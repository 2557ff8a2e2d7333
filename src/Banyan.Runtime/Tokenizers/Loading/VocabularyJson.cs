using System.Text.Json;
using Banyan.Runtime.Files;

namespace Banyan.Runtime.Tokenizers.Loading;

/// <summary>A vocabulary in the form of Hugging Face files: an object of token → id, and added tokens.</summary>
sealed class VocabularyJson(string path)
{
    readonly Dictionary<int, string> _tokens = [];
    readonly Dictionary<int, TokenKind> _kinds = [];
    int _largest = -1;

    /// <summary>Adds the tokens of <c>{"token": id, …}</c>.</summary>
    public void Add(JsonElement vocabulary)
    {
        if (vocabulary.ValueKind != JsonValueKind.Object)
            throw JsonReading.Mistyped("vocab", "an object of token and id", vocabulary, path);
        foreach (var entry in vocabulary.EnumerateObject())
        {
            if (entry.Value.ValueKind != JsonValueKind.Number || !entry.Value.TryGetInt32(out var id) || id < 0)
                throw new ModelFileException(path,
                    $"the id of token '{entry.Name}' is {JsonReading.Shorten(entry.Value)}, where a number from 0 on is needed; the file is damaged");
            Add(id, entry.Name, TokenKind.Normal);
        }
    }

    /// <summary>Adds one token; an added token replaces the vocabulary's entry for its id.</summary>
    public void Add(int id, string token, TokenKind kind)
    {
        _tokens[id] = token;
        _kinds[id] = kind;
        _largest = Math.Max(_largest, id);
    }

    /// <summary>The tokens by id, and their kinds.</summary>
    public (string[] Tokens, TokenKind[] Kinds) ToArrays()
    {
        if (_tokens.Count == 0)
            throw new ModelFileException(path, "the vocabulary is empty; the file is damaged");
        if (_largest >= _tokens.Count * 2L + 4096)
            throw new ModelFileException(path,
                $"token '{_tokens[_largest]}' has id {_largest}, but there are only {_tokens.Count} tokens; the file is damaged");
        var tokens = new string[_largest + 1];
        var kinds = new TokenKind[_largest + 1];
        for (var id = 0; id <= _largest; id++)
        {
            tokens[id] = _tokens.GetValueOrDefault(id, "");
            kinds[id] = _kinds.GetValueOrDefault(id, TokenKind.Unused);
        }
        return (tokens, kinds);
    }

    public int? Find(string token) => _tokens.FirstOrDefault(pair => pair.Value == token) is { Value: not null } found ? found.Key : null;
}
