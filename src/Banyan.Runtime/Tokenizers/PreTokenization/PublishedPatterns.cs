namespace Banyan.Runtime.Tokenizers.PreTokenization;

/// <summary>
/// The patterns found in tokenizer.json files, each with a scanner that splits text the same way. Tests compare every row with .NET's
/// regex engine on random Unicode. Any other pattern is refused: running a regex from a file would let the file decide how long
/// tokenizing takes.
/// </summary>
static class PublishedPatterns
{
    const string Cl100kEnd = @" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    const string O200kWord = @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+";
    const string O200kCapitals = @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*";
    const string O200kEnd = @" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    const string AnyCaseContractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";

    public const string Gpt2 = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
    public const string Qwen2 = AnyCaseContractions + @"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|" + Cl100kEnd;
    public const string Qwen35 = AnyCaseContractions
        + @"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    public const string Llama3 = AnyCaseContractions + @"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|" + Cl100kEnd;
    public const string Gpt4o = O200kWord + AnyCaseContractions + "?|" + O200kCapitals + AnyCaseContractions + @"?|\p{N}{1,3}|" + O200kEnd;
    public const string Tekken = O200kWord + "|" + O200kCapitals + @"|\p{N}|" + O200kEnd;

    public const string Digit = @"\p{N}";
    public const string Digits = @"\p{N}+";
    public const string UpToThreeDigits = @"\p{N}{1,3}";
    public const string ThreeAsciiDigits = "[0-9][0-9][0-9]";
    public const string FalconSigns = @"[\p{P}\$\+<=>\^~\|`]+";
    public const string DefaultSigns = @"[\p{P}\$\+<=>\^~\|]+";

    public const string LineBreak = "[\r\n]";
    public const string SpacedLetters = @"\s?\p{L}+";
    public const string SpacedPunctuation = @"\s?\p{P}+";
    public const string TrailingSpace = @"\s+$";
    public const string DeepSeekAsian = "[" + DeepSeekSets.Asian + "]+";
    public const string DeepSeekHanAndKana = "[" + DeepSeekSets.HanAndKana + "]+";
    public const string DeepSeekCasedLetters = @"\s?[" + DeepSeekSets.CasedLetters + "]+";
    public const string DeepSeekSigns = @"\s?[" + DeepSeekSets.Signs + "]+";
    public const string DeepSeekV3 = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
        + "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+";

    static readonly CharSet s_numbers = new(CharClass.Number);

    /// <summary>Pattern → scanner.</summary>
    public static IReadOnlyDictionary<string, PreTokenizer> All { get; } = new Dictionary<string, PreTokenizer>
    {
        [Gpt2] = new Gpt2Scanner(),
        [Qwen2] = new Cl100kScanner(digits: 1),
        [Qwen35] = new Cl100kScanner(digits: 1, marks: true),
        [Llama3] = new Cl100kScanner(digits: 3),
        [Gpt4o] = new O200kScanner(digits: 3, contractions: true),
        [Tekken] = new O200kScanner(digits: 1, contractions: false),
        [Digit] = new RunsScanner(s_numbers, max: 1),
        [Digits] = new RunsScanner(s_numbers),
        [UpToThreeDigits] = new RunsScanner(s_numbers, max: 3),
        [ThreeAsciiDigits] = new RunsScanner(new CharSet(CharClass.None, "0-9"), min: 3, max: 3),
        [FalconSigns] = new RunsScanner(new CharSet(CharClass.Punctuation, "$+<=>^~|`")),
        [DefaultSigns] = new RunsScanner(new CharSet(CharClass.Punctuation, "$+<=>^~|")),
        [LineBreak] = new RunsScanner(new CharSet(CharClass.Newline), max: 1),
        [SpacedLetters] = new RunsScanner(new CharSet(CharClass.Letter), spaceBefore: true),
        [SpacedPunctuation] = new RunsScanner(new CharSet(CharClass.Punctuation), spaceBefore: true),
        [TrailingSpace] = new TrailingSpaceScanner(),
        [DeepSeekAsian] = new RunsScanner(new CharSet(CharClass.None, DeepSeekSets.Asian)),
        [DeepSeekHanAndKana] = new RunsScanner(new CharSet(CharClass.None, DeepSeekSets.HanAndKana)),
        [DeepSeekCasedLetters] = new RunsScanner(new CharSet(CharClass.None, DeepSeekSets.CasedLetters), spaceBefore: true),
        [DeepSeekSigns] = new RunsScanner(new CharSet(CharClass.None, DeepSeekSets.Signs), spaceBefore: true),
        [DeepSeekV3] = new DeepSeekV3Scanner(),
    };

    static readonly Dictionary<string, PreTokenizer> s_escaped = All.ToDictionary(row => Escape(row.Key), row => row.Value);

    /// <summary>The scanner for a pattern, or null. Files write line breaks as \n or literally.</summary>
    public static PreTokenizer? Find(string pattern) => s_escaped.GetValueOrDefault(Escape(pattern));

    static string Escape(string pattern) => pattern.Replace("\r", @"\r").Replace("\n", @"\n");
}
