using System.Buffers;
using System.Runtime.CompilerServices;

namespace Banyan.Server.Files;

/// <summary>A pattern of <c>.gitattributes</c> and <c>.gitignore</c>, read as git reads it: without a slash it means names anywhere, with
/// one paths from the root. It is matched character by character and never compiled: only the last star is retried after a mismatch, so
/// that a match takes at most the product of both lengths.</summary>
sealed class PathPattern
{
    const int MaxLength = 2048;

    const string Space = "[[:space:]]";

    enum Kind : byte { Literal, One, Many, Set, NotSet }

    /// <summary>A character, or a range of characters in <see cref="_sets"/>.</summary>
    readonly record struct Token(Kind Kind, char Character, int Start, int End);

    /// <summary>A part between slashes; <see cref="IsFolders"/> for <c>**</c>, any number of folders.</summary>
    sealed record Part(Token[] Tokens, string? Literal, bool IsFolders);

    static readonly SearchValues<char> s_special = SearchValues.Create("*?[\\");

    static readonly Part s_folders = new([], null, true), s_anyName = new([new Token(Kind.Many, '*', 0, 0)], null, false);

    readonly List<(char First, char Last)> _sets = [];
    Part[] _parts = [];

    PathPattern()
    {
    }

    /// <summary>Whether it means a path from the root, not a name anywhere.</summary>
    public bool IsPath { get; private init; }

    /// <summary>Whether it ended in a slash: it means folders alone.</summary>
    public bool FoldersOnly { get; private init; }

    /// <summary>What it matches, where that is one text; null if it has wildcards.</summary>
    public string? Literal { get; private set; }

    /// <summary>Reads a pattern; null if it can match nothing.</summary>
    public static PathPattern? Parse(string text)
    {
        var foldersOnly = text.EndsWith('/');
        text = text.TrimEnd('/');
        if (text.Length is 0 or > MaxLength)
            return null;
        var pattern = new PathPattern { IsPath = text.Contains('/', StringComparison.Ordinal), FoldersOnly = foldersOnly };
        var parts = new List<Part>();
        var names = text.TrimStart('/').Split('/');
        for (var i = 0; i < names.Length; i++)
        {
            if (names[i] == "**" && pattern.IsPath)
                parts.Add(s_folders);
            else if (pattern.Read(names[i]) is { } part)
                parts.Add(part);
            else
                return null;
        }
        // All below a folder, not the folder itself.
        if (parts[^1].IsFolders)
            parts.Add(s_anyName);
        pattern._parts = [.. parts];
        if (parts.All(p => p.Literal is not null))
            pattern.Literal = string.Join('/', parts.Select(p => p.Literal));
        return pattern;
    }

    Part? Read(string name)
    {
        if (!name.AsSpan().ContainsAny(s_special))
            return new Part([], name, false);
        var tokens = new List<Token>();
        for (var i = 0; i < name.Length; i++)
        {
            switch (name[i])
            {
                case '*':
                    if (tokens is not [.., { Kind: Kind.Many }])
                        tokens.Add(new Token(Kind.Many, '*', 0, 0));
                    break;
                case '?':
                    tokens.Add(new Token(Kind.One, '?', 0, 0));
                    break;
                // Of white space a path has spaces alone, and that is how attributes write them.
                case '[' when name.AsSpan(i).StartsWith(Space):
                    tokens.Add(new Token(Kind.Literal, ' ', 0, 0));
                    i += Space.Length - 1;
                    break;
                case '[':
                    if (Set(name, ref i) is not { } set)
                        return null;
                    tokens.Add(set);
                    break;
                case '\\':
                    if (++i == name.Length)
                        return null;
                    tokens.Add(new Token(Kind.Literal, name[i], 0, 0));
                    break;
                default:
                    tokens.Add(new Token(Kind.Literal, name[i], 0, 0));
                    break;
            }
        }
        return new Part([.. tokens], tokens.All(t => t.Kind == Kind.Literal)
            ? string.Concat(tokens.Select(t => t.Character)) : null, false);
    }

    /// <summary>
    /// <c>[a-z!]</c>, <c>[!a]</c>, <c>[[:space:]]</c>; null if it is not closed. A bracket that stands first is one of the set.
    /// </summary>
    Token? Set(string name, ref int i)
    {
        var (start, at) = (_sets.Count, i + 1);
        var not = at < name.Length && name[at] is '!' or '^';
        if (not)
            at++;
        for (var first = true; at < name.Length; first = false)
        {
            if (name[at] == ']' && !first)
            {
                i = at;
                return new Token(not ? Kind.NotSet : Kind.Set, '[', start, _sets.Count);
            }
            if (name.AsSpan(at).StartsWith("[:") && name.IndexOf(":]", at + 2, StringComparison.Ordinal) is > 0 and var end)
            {
                if (Class(name[(at + 2)..end]) is not { } ranges)
                    return null;
                for (var r = 0; r < ranges.Length; r += 2)
                    _sets.Add((ranges[r], ranges[r + 1]));
                at = end + 2;
                continue;
            }
            if (!Character(name, ref at, out var low))
                return null;
            var high = low;
            if (at + 1 < name.Length && name[at] == '-' && name[at + 1] != ']')
            {
                at++;
                if (!Character(name, ref at, out high))
                    return null;
            }
            _sets.Add((low, high));
        }
        return null;
    }

    static bool Character(string name, ref int at, out char character)
    {
        if (name[at] == '\\')
            at++;
        character = at < name.Length ? name[at++] : default;
        return character != default;
    }

    /// <summary>First and last characters of the ranges of a class that POSIX names; null if it names no such class.</summary>
    static string? Class(string name) => name switch
    {
        "alnum" => "09AZaz",
        "alpha" => "AZaz",
        "blank" => "  \t\t",
        "digit" => "09",
        "lower" => "az",
        "upper" => "AZ",
        "space" => "  \t\r",
        "xdigit" => "09AFaf",
        "punct" => "!/:@[`{~",
        "print" => " ~",
        "graph" => "!~",
        "cntrl" => "\u0001\u001f\u007f\u007f",
        _ => null,
    };

    /// <summary>Whether it matches a file or folder.</summary>
    /// <param name="path">Its path; no part is empty.</param>
    /// <param name="ends">Where each part of the path ends.</param>
    /// <param name="isFolder">Whether it is a folder.</param>
    /// <param name="steps">Is taken what the match takes.</param>
    public bool Matches(ReadOnlySpan<char> path, ReadOnlySpan<int> ends, bool isFolder, ref long steps)
    {
        if (FoldersOnly && !isFolder)
            return false;
        if (!IsPath)
            return Matches(_parts[0], Name(path, ends, ends.Length - 1), ref steps);
        int part = 0, name = 0, folders = -1, from = 0;
        while (true)
        {
            steps--;
            if (part == _parts.Length && name == ends.Length)
                return true;
            if (part < _parts.Length && _parts[part].IsFolders)
                (folders, from, part) = (part, name, part + 1);
            else if (part < _parts.Length && name < ends.Length && Matches(_parts[part], Name(path, ends, name), ref steps))
                (part, name) = (part + 1, name + 1);
            else if (folders < 0 || from >= ends.Length)
                return false;
            else
                (part, name) = (folders + 1, ++from);
        }
    }

    static ReadOnlySpan<char> Name(ReadOnlySpan<char> path, ReadOnlySpan<int> ends, int i) => path[(i == 0 ? 0 : ends[i - 1] + 1)..ends[i]];

    // The first ones that are matched may be those of an attack: they do not wait for the compiler to see that this is where time goes.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    bool Matches(Part part, ReadOnlySpan<char> name, ref long steps)
    {
        steps--;
        if (part.Literal is { } literal)
            return name.SequenceEqual(literal);
        ReadOnlySpan<Token> tokens = part.Tokens;
        // Most patterns are a star and an ending, which most names have not.
        if (tokens[^1] is { Kind: Kind.Literal } last && (name.Length == 0 || name[^1] != last.Character))
            return false;
        int token = 0, at = 0, star = -1, from = 0;
        while (at < name.Length)
        {
            steps--;
            if (token < tokens.Length && tokens[token].Kind == Kind.Many)
                (star, from, token) = (token, at, token + 1);
            else if (token < tokens.Length && Takes(tokens[token], name[at], ref steps))
                (token, at) = (token + 1, at + 1);
            else if (star < 0)
                return false;
            else
                (token, at) = (star + 1, ++from);
        }
        return token == tokens.Length || (token == tokens.Length - 1 && tokens[token].Kind == Kind.Many);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    bool Takes(Token token, char character, ref long steps)
    {
        if (token.Kind is Kind.Literal or Kind.One)
            return token.Kind == Kind.One || token.Character == character;
        steps -= token.End - token.Start;
        var found = false;
        for (var i = token.Start; i < token.End && !found; i++)
            found = character >= _sets[i].First && character <= _sets[i].Last;
        return found == (token.Kind == Kind.Set);
    }
}
