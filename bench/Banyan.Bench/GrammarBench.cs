using System.Diagnostics;
using System.Globalization;
using System.Numerics;
using System.Text;
using Banyan.Runtime.Generation.Grammars;
using Banyan.Runtime.Generation.Grammars.Vocabularies;
using Banyan.Runtime.Tokenizers;

namespace Banyan.Bench;

/// <summary>What a grammar costs: compiling it, and the mask of each token, over answers that choose among what is allowed.</summary>
static class GrammarBench
{
    const int Answers = 20, MostTokens = 200, Compilations = 50;

    static readonly (string Name, Func<Grammar> Make)[] s_grammars =
    [
        ("any JSON object", Grammar.JsonObject),
        ("a record",
            () => Grammar.JsonSchema(
                """{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer","minimum":0,"maximum":150},"born":{"type":"string","format":"date"},"tags":{"type":"array","items":{"type":"string","maxLength":20},"maxItems":5}},"required":["name","age","born","tags"],"additionalProperties":false}""")),
        ("a tool's arguments",
            () => Grammar.JsonSchema(
                """{"type":"object","properties":{"path":{"type":"string"},"content":{"type":"string","maxLength":4000},"mode":{"enum":["read","write","append"]},"flags":{"type":"object","additionalProperties":{"type":"boolean"}}},"required":["path"]}""")),
        ("a recursive union",
            () => Grammar.JsonSchema(
                """{"$defs":{"leaf":{"type":"object","properties":{"kind":{"const":"leaf"},"value":{"type":"number"}},"required":["kind","value"],"additionalProperties":false},"node":{"type":"object","properties":{"kind":{"const":"node"},"children":{"type":"array","items":{"$ref":"#/$defs/tree"}}},"required":["kind","children"],"additionalProperties":false},"tree":{"oneOf":[{"$ref":"#/$defs/leaf"},{"$ref":"#/$defs/node"}]}},"$ref":"#/$defs/tree"}""")),
        ("an e-mail address", () => Grammar.JsonSchema("""{"type":"string","format":"email"}""")),
        ("a regular expression", () => Grammar.Regex("[A-Z][a-z]+( [A-Z][a-z]+)*, \\d{1,3} (street|road)")),
        ("GBNF of sums", () => Grammar.Gbnf("root ::= (sum \"\\n\")+\nsum ::= term ([-+*/] term)*\nterm ::= [0-9]+ | \"(\" sum \")\"")),
        ("a schema of 5 KB", () => Grammar.JsonSchema(Large())),
    ];

    public static int Run(string tokenizerPath)
    {
        var tokenizer = Tokenizer.Open(tokenizerPath);
        TokenTrie.Of(tokenizer);
        Measure(tokenizer, print: false); // the code is compiled here
        Measure(tokenizer, print: true);
        return 0;
    }

    static void Measure(Tokenizer tokenizer, bool print)
    {
        var all = new List<double>();
        if (print)
            Console.WriteLine(
                $"{tokenizer.Count} tokens; µs a mask\n\n| grammar | compile, ms | masks | mean | median | 99 % | most |\n|---|---:|---:|---:|---:|---:|---:|");
        foreach (var (name, make) in s_grammars)
        {
            var compiling = Stopwatch.StartNew();
            for (var i = 0; i < Compilations; i++)
                make();
            var compile = compiling.Elapsed.TotalMilliseconds / Compilations;
            var (grammar, times) = (make(), new List<double>());
            for (var seed = 0; seed < Answers; seed++)
                Answer(grammar, tokenizer, new Random(seed), times);
            all.AddRange(times);
            if (print)
                Print(name, compile.ToString("0.00", CultureInfo.InvariantCulture), times);
        }
        if (print)
            Print("all", "", all);
    }

    static void Print(string name, string compile, List<double> times)
    {
        times.Sort();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"| {name} | {compile} | {times.Count} | {times.Average():0.0} | {times[times.Count / 2]:0.0} | {times[(int)(times.Count * 0.99)]:0.0} | {times[^1]:0} |"));
    }

    static void Answer(Grammar grammar, Tokenizer tokenizer, Random random, List<double> times)
    {
        var run = new GrammarRun(grammar, tokenizer);
        for (var tokens = 0; tokens < MostTokens && !run.IsEnd; tokens++)
        {
            var began = Stopwatch.GetTimestamp();
            var mask = run.Mask();
            times.Add(Stopwatch.GetElapsedTime(began).TotalMicroseconds);
            if (mask.Count == 0 || (run.Accepts && random.Next(4) == 0))
                return;
            // Of four that are allowed the one with a quote, so that strings end.
            var chosen = -1;
            for (var i = 0; i < 4; i++)
                if (Pick(mask, random.Next(mask.Count)) is var token && (chosen < 0 || tokenizer.Bytes(token).Contains((byte)'"')))
                    chosen = token;
            if (!run.Take(chosen))
                return;
            foreach (var forced in run.Forced())
                run.Take(forced);
        }
    }

    static int Pick(TokenMask mask, int number)
    {
        for (var word = 0; ; word++)
        {
            var bits = mask.Bits[word];
            if (number >= BitOperations.PopCount(bits))
            {
                number -= BitOperations.PopCount(bits);
                continue;
            }
            for (; number > 0; number--)
                bits &= bits - 1;
            return word * 64 + BitOperations.TrailingZeroCount(bits);
        }
    }

    static string Large()
    {
        var text = new StringBuilder("""{"type":"object","properties":{""");
        for (var i = 0; text.Length < 5000; i++)
            text.Append(i > 0 ? "," : "").Append(CultureInfo.InvariantCulture, $"\"property_{i}\":").Append((i % 5) switch
            {
                0 => """{"type":"string","minLength":1,"maxLength":100,"description":"some text that says what it is for"}""",
                1 => """{"type":"integer","minimum":0,"maximum":1000}""",
                2 => """{"enum":["alpha","beta","gamma","delta"]}""",
                3 => """{"type":"array","items":{"type":"object","properties":{"id":{"type":"string","pattern":"^[a-z]{2,8}$"},"on":{"type":"boolean"}},"required":["id"]}}""",
                _ => """{"anyOf":[{"type":"null"},{"type":"number"}]}""",
            });
        return text.Append("""},"required":["property_0","property_3","property_11"]}""").ToString();
    }
}
