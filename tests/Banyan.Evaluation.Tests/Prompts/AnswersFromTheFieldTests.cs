using Banyan.Evaluation.Prompts;
using Banyan.Evaluation.Tasks;
using Banyan.Tests;

namespace Banyan.Evaluation.Tests.Prompts;

/// <summary>
/// Answers as models write them, judged as banyan-mini's tide_turns (Python) and TopThree (C#): right where a reader would run what is
/// right.
/// </summary>
public class AnswersFromTheFieldTests(OpenJudge judges) : IClassFixture<OpenJudge>
{
    const string
        Body = "    turns = []\n    for i in range(1, len(levels) - 1):\n        before, here, after = levels[i - 1], levels[i], levels[i + 1]\n        if here > before and here > after or here < before and here < after:\n            turns.append(i)\n    return turns\n",
        Solution = "def tide_turns(levels):\n" + Body,
        Inner = "def _impl(levels):\n" + Body,
        Wrong = "def tide_turns(levels):\n    return levels\n";

    /// <summary>What an answer is, whether it is right, and its text; SOLUTION, INNER and WRONG stand for functions.</summary>
    public static TheoryData<string, bool, string> Python => new()
    {
        { "its use in a block of its own", true,
            "```python\nSOLUTION```\n\n**Example usage:**\n\n```python\nprint(tide_turns([1, 3, 2, 2, 5]))  # [1]\n```\n" },
        { "its output", true, "```python\nSOLUTION```\n\nOutput:\n\n```\n>>> tide_turns([1, 3, 2, 2, 5])\n[1]\n```\n" },
        { "a shell", true, "```python\nSOLUTION```\n\n```bash\npython -c 'from a import tide_turns; print(tide_turns([1]))'\n```\n" },
        { "a test", true,
            "```python\nSOLUTION```\n\n```python\nimport unittest\nclass T(unittest.TestCase):\n    def test_tide_turns(self):\n        self.assertEqual(tide_turns([1]), [])\nunittest.main()\n```\n" },
        { "a draft and its better version", true, "```python\nWRONG```\nBetter:\n```python\nSOLUTION```\n" },
        { "a right draft and a wrong version", false, "```python\nSOLUTION```\nBetter:\n```python\nWRONG```\n" },
        { "helpers shown apart", true,
            "```python\nimport functools\nINNER```\nThen:\n```python\n@functools.cache\ndef once(n):\n    return n\ndef tide_turns(levels):\n    return once(1) * _impl(levels)\n```\n" },
        { "an attribute of the function", true,
            "```python\nINNER\ndef tide_turns(levels):\n    tide_turns.calls += 1\n    return _impl(levels)\n\ntide_turns.calls = 0\n```\n" },
        { "an attribute of a class", true,
            "```python\nclass Item:\n    def __init__(self, v):\n        self.v = v\n\nItem.__lt__ = lambda self, other: self.v < other.v\n\nINNER\ndef tide_turns(levels):\n    assert min(Item(2), Item(1)).v == 1\n    return _impl(levels)\n```\n" },
        { "a change in place", true,
            "```python\nPRIMES = [2, 3]\nPRIMES += [5, 7]\nINNER\ndef tide_turns(levels):\n    assert len(PRIMES) == 4\n    return _impl(levels)\n```\n" },
        { "a library set up", true,
            "```python\nfrom decimal import Decimal, getcontext\nfrom sys import setrecursionlimit, getrecursionlimit\ngetcontext().prec = 60\nsetrecursionlimit(4321)\nINNER\ndef tide_turns(levels):\n    assert len(str(Decimal(1) / 7)) > 50 and getrecursionlimit() == 4321\n    return _impl(levels)\n```\n" },
        { "set up after a semicolon", true,
            "```python\nimport sys; sys.setrecursionlimit(4321)\nINNER\ndef tide_turns(levels):\n    assert sys.getrecursionlimit() == 4321\n    return _impl(levels)\n```\n" },
        { "wrapped", true,
            "```python\nINNER\ndef plain(f):\n    return lambda levels: f(levels)[1:]\n\ndef tide_turns(levels):\n    return [0] + _impl(levels)\n\ntide_turns = plain(tide_turns)\n```\n" },
        { "another name for it", true, "```python\nINNER\ntide_turns = _impl\n```\n" },
        { "a chain and an unpacking", true,
            "```python\nA = B = 8\n(C, D), *E = (1, 2), 3\nINNER\ndef tide_turns(levels):\n    assert A + B + C + D + E[0] == 22\n    return _impl(levels)\n```\n" },
        { "a table that is filled", true,
            "```python\nTABLE, SEEN = {}, []\nfor n in range(3):\n    TABLE[n] = n\nSEEN.append(1)\ndef fill():\n    global EXTRA\n    EXTRA = 5\nfill()\nINNER\ndef tide_turns(levels):\n    assert len(TABLE) == 3 and SEEN and EXTRA == 5\n    return _impl(levels)\n```\n" },
        { "what runs it", true,
            "```python\nimport sys\nSOLUTION\ndef main():\n    print(tide_turns(list(map(int, input().split()))))\n\ntests = [[1]]\nfor t in tests:\n    print(tide_turns(t))\nassert tide_turns([1, 2]) == [7]\nturns = tide_turns('wrong')\nmain()\nsys.exit(1)\n```\n" },
        { "a library that is not needed and not there", true, "```python\nimport no_such_library\nSOLUTION```\n" },
        { "an import that may fail", true,
            "```python\ntry:\n    from no_such_library import cache\nexcept ImportError:\n    from functools import cache\n@cache\ndef one():\n    return 1\nINNER\ndef tide_turns(levels):\n    return one() * _impl(levels)\n```\n" },
        { "a tab in a string", true,
            "```python\nSEPARATOR = \"\t\"\nINNER\ndef tide_turns(levels):\n    assert len(SEPARATOR) == 1\n    return _impl(levels)\n```\n" },
        { "other line ends in a string", true,
            "```python\nSEPARATOR = \"\u2028\u0085\f\"\nINNER\ndef tide_turns(levels):\n    assert len(SEPARATOR) == 3\n    return _impl(levels)\n```\n" },
        { "tabs", true,
            "```python\ndef tide_turns(levels):\n\treturn [i for i in range(1, len(levels) - 1)\n\t\tif (levels[i] - levels[i - 1]) * (levels[i] - levels[i + 1]) > 0]\n```\n" },
        { "Windows's line ends and a byte-order mark", true, "\uFEFF```python\r\n\uFEFFSOLUTION```\r\n" },
        { "a byte-order mark and no fence", true, "\uFEFFSOLUTION" },
        { "deep in a list", true,
            "1. First:\n\n   - So:\n\n     ```python\n     def tide_turns(levels):\n         return [i for i in range(1, len(levels) - 1)\n                 if (levels[i] - levels[i - 1]) * (levels[i] - levels[i + 1]) > 0]\n     ```\n" },
        { "after the mark of a list", true,
            "1.  ```python\n    def tide_turns(levels):\n        return [i for i in range(1, len(levels) - 1) if (levels[i] - levels[i - 1]) * (levels[i] - levels[i + 1]) > 0]\n    ```\n" },
        { "a quotation", true,
            "> ```python\n> def tide_turns(levels):\n>     return [i for i in range(1, len(levels) - 1) if (levels[i] - levels[i - 1]) * (levels[i] - levels[i + 1]) > 0]\n> ```\n" },
        { "a fence in a docstring", true, "def tide_turns(levels):\n    '''\n    ```\n    tide_turns([1])\n    ```\n    '''\n" + Body },
        { "a thought", true, "<think>\nMaybe:\n```python\nWRONG```\nno, # </think> is a tag\n</think>\n\n```python\nSOLUTION```" },
        { "a thought that the prompt began", true, "Maybe:\n```python\nWRONG```\nno.\n</think>\n\n```python\nSOLUTION```" },
        { "a thought that ends in a line", true, "It turns where the signs differ.</think>\n```python\nSOLUTION```" },
        { "a thought that was cut off", false, "<think>\nMaybe this:\n```python\nSOLUTION```\nbut wait, is that right? Let me check" },
        { "a tag in a comment", true, "```python\ndef tide_turns(levels):\n    # ends with </think>\n" + Body + "```\n" },
        { "a tag on its line in a docstring", true,
            "```python\ndef tide_turns(levels):\n    '''\n    </think>\n    '''\n" + Body + "```\n" },
        { "a tag in a string, and no fence", true, "def tide_turns(levels):\n    tag = '</think>'\n" + Body },
        { "names that blocks bind", true,
            "```python\nfrom contextlib import nullcontext\nmatch 1:\n    case 1:\n        A = 1\nif True: B = 2\ntry: import no_such_thing as C\nexcept ImportError: C = 3\nfor I, (J, D) in enumerate([(1, 4)]): pass\nwith nullcontext(5) as E:\n    pass\nif (F := 6) > 2:\n    pass\n(G := 7)\nclass K:\n    global H\n    H = 8\nINNER\ndef tide_turns(levels):\n    assert A + B + C + D + E + F + G + H == 36\n    return _impl(levels)\n```\n" },
        { "names that code makes", true,
            "```python\nexec('A = 1')\nglobals()['B'] = 2\nglobals().update(C=3)\nINNER\ndef tide_turns(levels):\n    assert A + B + C == 6\n    return _impl(levels)\n```\n" },
        { "a table that calls fill", true,
            "```python\nA, B, C, D, E = [], [], [1, 2], [], {}\n[A.append(i) for i in range(3)]\n_ = [B.append(i) for i in range(3)]\nlast = C.pop()\ndef add(x):\n    D.append(x)\ndef fill():\n    add(1)\nfill()\nTrue and D.append(2)\ndef register(f):\n    E[f.__name__] = f\n    return f\n@register\ndef one():\n    return 1\nclass P:\n    kinds = []\n    def __init_subclass__(cls):\n        P.kinds.append(cls)\nclass Q(P):\n    pass\nINNER\ndef tide_turns(levels):\n    assert [len(A), len(B), len(C), len(D), len(E.values()), len(P.kinds)] == [3, 3, 1, 2, 1, 1]\n    return _impl(levels)\n```\n" },
        { "decorators of several lines, and notes between", true,
            "```python\nfrom dataclasses import dataclass\n@dataclass(\n    frozen=True,\n)\nclass P:\n    x: int = 3\ndef deco(n, m):\n    return lambda f: f\n@deco(\n    1, m=')',\n)\n# a note\n\nSOLUTION\nassert P().x\n```\n" },
        { "a function and a lambda that call each other", true,
            "```python\nINNER\nhelper = lambda levels: tide_turns(levels) if levels is None else _impl(levels)\ndef tide_turns(levels):\n    return helper(levels)\n```\n" },
        { "its signature again", true,
            "```python\nSOLUTION```\nIn short:\n```python\ndef tide_turns(levels: list[int]) -> list[int]:\n    \"\"\"Finds: turns.\"\"\"\n    ...\n```\n" },
        { "what helpers shown apart need", true,
            "```python\nTABLE = {}\nTABLE[1] = 1\ndef once():\n    return TABLE[1]\n```\nThen:\n```python\nINNER\ndef tide_turns(levels):\n    return once() * _impl(levels)\n```\n" },
        { "what only shows it", true,
            "```python\nimport sys\nimport numpy as np\nT = [1]\nCODE = 'tide_turns([1])'\nK = len(CODE)\ndef demo():\n    print(T)\n    sys.exit(0)\ndef run():\n    T.append(1)\n    sys.exit(0)\nINNER\ndef tide_turns(levels):\n    assert T == [1] and K > 10\n    return _impl(levels)\nnp.random.seed(0)\ndemo()\nrun()\nT.append(tide_turns([1]))\nThis is linear.\n```\n" },
        { "a fence after a sentence", true, "Here it is: ```python\nSOLUTION```\nDone." },
        { "indented, without a fence", true,
            "Here it is:\n\n    def tide_turns(levels):\n        return [i for i in range(1, len(levels) - 1)\n                if (levels[i] - levels[i - 1]) * (levels[i] - levels[i + 1]) > 0]\n\nDone." },
        { "at Python's prompt", true,
            "```\n>>> def tide_turns(levels):\n...     return [i for i in range(1, len(levels) - 1)\n...             if (levels[i] - levels[i - 1]) * (levels[i] - levels[i + 1]) > 0]\n...\n>>> tide_turns([1])\n[]\n```\n" },
        { "two thoughts, the second cut off", false, "<think>\na\n</think>\n<think>\n```python\nSOLUTION```\n" },
    };

    /// <summary>Each costs a process.</summary>
    public static IEnumerable<TheoryDataRow<string, bool, string>> SomePython => Sampled.Of(Python, 24);

    [Theory]
    [MemberData(nameof(SomePython))]
    public async Task Python_is_judged_as_a_reader_would(string what, bool right, string answer)
    {
        answer = answer.Replace("SOLUTION", Solution, StringComparison.Ordinal).Replace("INNER", Inner, StringComparison.Ordinal)
            .Replace("WRONG", Wrong, StringComparison.Ordinal);
        await JudgeAsync("python/tide_turns", what, right, answer);
    }

    const string TopThree =
        "    public static string[] TopThree(List<(string Name, int Points)> scores) {\n        return scores.GroupBy(s => s.Name).OrderByDescending(g => g.Sum(s => s.Points)).ThenBy(g => g.Key, StringComparer.Ordinal).Take(3).Select(g => g.Key).ToArray();\n    }\n";

    public static TheoryData<string, string> CSharp => new()
    {
        { "its use",
            "```csharp\nusing System; using System.Linq; using System.Collections.Generic;\nclass Problem {\nTOPTHREE}\n```\n\n```csharp\nvar top = Problem.TopThree(new() { (\"a\", 1) });\nConsole.WriteLine(top[0]);\n```\n\n```\nTopThree: a\n```\n" },
        { "its signature again",
            "```csharp\nusing System; using System.Linq; using System.Collections.Generic;\nclass Problem {\nTOPTHREE}\n```\n```csharp\ninterface IProblem { string[] TopThree(List<(string Name, int Points)> scores); }\n```\n" },
        { "a class of another name, helpers beside Main, usings in a namespace",
            "```csharp\nusing System;\nnamespace Mine {\nusing System.Linq; using System.Collections.Generic;\ndelegate bool Good(int x);\nclass Program {\n    static void Main() { Console.WriteLine(1); }\n    public static int Three() => 3;\n}\nclass Solution {\n    static int Count() => Program.Three();\n    public static string[] TopThree(List<(string Name, int Points)> scores) {\n        Good good = x => x > 0;\n        return scores.GroupBy(s => s.Name).OrderByDescending(g => g.Sum(s => s.Points)).ThenBy(g => g.Key, StringComparer.Ordinal).Take(good(1) ? Solution.Count() : 0).Select(g => g.Key).ToArray();\n    }\n}\n}\n```\n" },
        { "a byte-order mark, deep in a list",
            "\uFEFF1. So:\n\n    ```csharp\n    using System; using System.Linq; using System.Collections.Generic;\n    class Problem {\nTOPTHREE    }\n    ```\n" },
        { "a program of statements",
            "```csharp\nusing System; using System.Linq; using System.Collections.Generic;\nvar three = 3;\nConsole.WriteLine(TopThree(new() { (\"a\", 1) })[0]);\nint Three() => three;\nstatic string[] TopThree(List<(string Name, int Points)> scores) =>\n    scores.GroupBy(s => s.Name).OrderByDescending(g => g.Sum(s => s.Points)).ThenBy(g => g.Key, StringComparer.Ordinal).Take(Three()).Select(g => g.Key).ToArray();\n```\n" },
        { "what a class is made of",
            "```csharp\n#define X\nglobal using System;\nusing System.Linq; using System.Collections.Generic; using My.App;\nnamespace My.App {\npublic record Solution(int X) : Base {\n    static readonly int s_two;\n    static Solution() { s_two = 2; }\n#if X\n    static int Four() => 4;\n#else\n    static int Four() => 0;\n#endif\n    static bool Good() => new Solution(1).X + s_two + N + Four() + My.App.Helper.Five + 5.Next() + Part() == 28;\n    public static string[] TopThree(List<(string Name, int Points)> scores) => Good() ? Top(scores) : [];\nTOP}\npublic record Base { protected static int N = 3; protected static int Part() => 7; }\nstatic class Helper { public static int Five = 5; }\nstatic class More { public static int Next(this int x) => x + 1; }\n}\n```\n" },
        { "a class in parts, in another",
            "```csharp\nusing System; using System.Linq; using System.Collections.Generic;\nstatic partial class Outer {\n    static int One = 1;\n    static partial class Solution { static int Two(int x) => 2 * x; }\n    static partial class Solution {\n        public static string[] TopThree(List<(string Name, int Points)> scores) => Two(One) + Outer.One == 3 ? Top(scores) : [];\nTOP    }\n}\n```\n" },
        { "its signature at the end, helpers shown apart",
            "```csharp\nusing System.IO;\nstatic class Helper { public static int Three = new StringReader(\"123\").ReadToEnd().Length; }\n```\nThen:\n```csharp\n// uses Helper\nusing System; using System.Linq; using System.Collections.Generic;\n// members\npublic static string[] TopThree(List<(string Name, int Points)> scores) => Helper.Three == 3 ? Top(scores) : [];\nTOP```\n```csharp\nclass Problem {\n    public static string[] TopThree(List<(string Name, int Points)> scores) => throw new NotImplementedException();\n}\n```\n" },
    };

    [Theory]
    [MemberData(nameof(CSharp))]
    public async Task CSharp_is_judged_as_a_reader_would(string what, string answer) =>
        await JudgeAsync("csharp/TopThree", what, true, answer.Replace("TOPTHREE", TopThree, StringComparison.Ordinal)
            .Replace("TOP", TopThree.Replace("TopThree", "Top", StringComparison.Ordinal), StringComparison.Ordinal));

    /// <summary>
    /// Who predicts what a function returns does not have the function, however its name is come by; what is predicted may be a
    /// calculation.
    /// </summary>
    [Fact]
    public async Task An_output_is_predicted_and_not_computed()
    {
        var judge = await judges.GetAsync();
        var items = TaskTable.Find("cruxeval-output").Load(new(SharedData.Path("evaluation"))).Only(new HashSet<string> { "sample_0" });
        foreach (var call in (string[])["f([1, 1, 3, 1, 3, 1])", "f([1,1,3,1,3,1])", "f ([1, 1, 3, 1, 3, 1])", "(f)([1, 1, 3, 1, 3, 1])",
            "globals()['f']([1, 1, 3, 1, 3, 1])", "(lambda g: g([1, 1, 3, 1, 3, 1]))(f)"])
            Assert.False((await items.JudgeAsync(judge, new("sample_0", call, Whole: false), TestContext.Current.CancellationToken)).Passed,
                call);
        Assert.True(
            (await items.JudgeAsync(judge, new("sample_0", "[(4, 1)] + [(4, 1), (4, 1), (4, 1), (2, 3), (2, 3)]", Whole: false),
                TestContext.Current.CancellationToken)).Passed);
    }

    static readonly Dictionary<string, ItemSet> s_items = [];

    async Task JudgeAsync(string id, string what, bool right, string answer)
    {
        var judge = await judges.GetAsync();
        if (!s_items.TryGetValue(id, out var items))
        {
            items = TaskTable.Find("banyan-mini").Load(new("/")).Only(new HashSet<string> { id });
            await items.PrepareAsync(judge, TestContext.Current.CancellationToken);
            s_items[id] = items;
        }
        var read = items.Read(id, PromptLadder.Chat, answer);
        var verdict = await items.JudgeAsync(judge, read, TestContext.Current.CancellationToken);
        Assert.True(verdict.Passed == right, $"{what}: {verdict.Reason}\n{read.Text}");
    }
}
