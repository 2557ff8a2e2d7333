namespace Banyan.Runtime.Tokenizers.Loading;

/// <summary>Merges written as "a b".</summary>
static class MergeLines
{
    public static IEnumerable<(string Left, string Right)> Split(IEnumerable<string> lines, TokenizerBuilder builder)
    {
        foreach (var line in lines)
        {
            var space = line.Length > 2 ? line.IndexOf(' ', 1) : -1; // a token may itself begin with a space
            if (space < 0 || space == line.Length - 1)
                throw builder.Bad($"merge '{line}' is not two tokens with a space between them; the file is damaged");
            yield return (line[..space], line[(space + 1)..]);
        }
    }
}
