using Banyan.Evaluation.Prompts;
using Banyan.Evaluation.Tasks;
using Banyan.Evaluation.Tasks.MultiPle;
using Banyan.Tests;

namespace Banyan.Evaluation.Tests.Prompts;

/// <summary>Answers in the languages of MultiPL-E, in every form a model writes them, come out right; and a wrong one wrong.</summary>
public class LanguageAnswersTests
{
    /// <summary>
    /// A language, its fence, the prompt, a body, the brace that ends it, the tests as MultiPL-E has them, and a wrong body.
    /// </summary>
    static readonly (ProgramLanguage Language, string Prompt, string Body, string End, string Tests, string Wrong)[] s_languages =
    [
        (new JavaScript(), "//Twice a number, \"{\" or not.\nfunction twice(n){\n", "  const open = '{'; // }\n  return n + n;\n", "}\n",
            "const assert = require('node:assert');\nfunction test() {\n  let candidate = twice;\n  assert.deepEqual(candidate(2),4);\n  assert.deepEqual(candidate(-3),-6);\n}\ntest();", "  return n * n;\n"),
        (new TypeScript(), "//Twice a number\nfunction twice(n: number): number {\n",
            "  const open: string = `{`;\n  return n + n;\n", "}\n",
            "declare var require: any;\nconst assert = require('node:assert');\nfunction test() {\n  let candidate = twice;\n  assert.deepEqual(candidate(2),4);\n  assert.deepEqual(candidate(-3),-6);\n}\ntest();", "  return n * n;\n"),
        (new Php(), "<?php\n// Twice a number\nfunction twice($n) {\n", "    # not the end: }\n    return $n + $n;\n", "}\n",
            "function candidate(...$args) {\n    return twice(...$args);\n}\nfunction test(): void {\n    if (candidate(2) !== 4) { throw new Exception(\"Test failed!\"); }\n    if (candidate(-3) !== -6) { throw new Exception(\"Test failed!\"); }\n}\ntest();", "    return $n * $n;\n"),
        (new Bash(), "#!/bin/bash\n# Twice a number\n# $1 is an integer\ntwice() {\n", "    echo $(( $1 + $1 ))\n", "}\n",
            "}\n\ncandidate() {\n    twice \"$@\"\n}\n\nset -e\nrun_test() {\n    [[ $(candidate \"2\") = \"4\" ]]\n    [[ $(candidate \"-3\") = \"-6\" ]]\n}\n\nrun_test", "    echo $(( $1 * $1 ))\n"),
        (new Java(), "import java.util.*;\nclass Problem {\n    // Twice a number\n    public static long twice(long n) {\n",
            "        String open = \"{\";\n        return n + n;\n", "    }\n",
            "    }\n    public static void main(String[] args) {\n    assert(twice((2l)) == (4l));\n    assert(twice((-3l)) == (-6l));\n    }\n\n}\n", "        return n * n;\n"),
        (new Cpp(), "#include<assert.h>\n#include<bits/stdc++.h>\n// Twice a number\nlong twice(long n) {\n",
            "    char open = '{';\n    return n + n;\n", "}\n",
            "}\nint main() {\n    auto candidate = twice;\n    assert(candidate((2)) == (4));\n    assert(candidate((-3)) == (-6));\n}\n",
            "    return n * n;\n"),
        (new CSharp(), "using System;\nclass Problem {\n    // Twice a number\n    public static long Twice(long n) {\n",
            "        char open = '{';\n        return n + n;\n", "    }\n",
            "    }\n    public static void Main(string[] args) {\n    Debug.Assert(Twice((2L)) == (4L));\n    Debug.Assert(Twice((-3L)) == (-6L));\n    }\n\n}\n", "        return n * n;\n"),
    ];

    public static TheoryData<string> Languages => [.. s_languages.Select(l => l.Language.Code)];

    [Theory]
    [MemberData(nameof(Languages))]
    public async Task Are_read_whatever_their_form(string code)
    {
        var (language, prompt, body, end, tests, wrong) = s_languages.Single(l => l.Language.Code == code);
        language = Tasks.MultiPle.Recorded.Load(() => language.On(new(Tasks.MultiPle.Recorded.Compilers("/"))));
        using var judge = await TestJudge.OpenAsync();
        var item = new ItemPrompt(Asked.Program, language.Fence, prompt) { Entry = language.Entry(prompt) };
        Assert.Equal("twice", item.Entry, ignoreCase: true);
        var inClass = code is "java" or "cs";
        var closed = inClass ? "}\n" : "";
        var method = inClass ? prompt[(prompt.IndexOf("Problem {", StringComparison.Ordinal) + "Problem {\n".Length)..] : prompt;
        var junk = code == "sh" ? "twice 3\nanother() {\n" : code == "cpp" ? "int main() { std::cout << twice(2); }\nint other("
            : code == "cs" ? "    static int Other(" : "function other( {";
        (string Form, string Answer, bool Right)[] answers =
        [
            (PromptLadder.Completion, body + end, true),
            (PromptLadder.Completion, body + end + "\n" + junk, true),
            (PromptLadder.Completion, wrong + end, false),
            (PromptLadder.Chat, $"Of course.\n\n```{language.Fence}\n{prompt}{body}{end}{closed}```\nDone.", true),
            (PromptLadder.Chat, $"```\n{method}{body}{end}```", true),
            (PromptLadder.Chat, $"```{language.Fence}\n{prompt}{wrong}{end}{closed}```", false),
            (PromptLadder.Fenced, $"{prompt}{body}{end}{closed}```\n\nmore ```", true),
        ];
        // Most forms come to the same program, which is judged once.
        var judged = new Dictionary<(string Solution, string Tests), Verdict>();
        foreach (var (form, answer, right) in answers)
        {
            var read = AnswerReader.Read(item, form, "x", answer);
            var program = (language.Solution(read.Whole ? read.Text : prompt + read.Text, null),
                read.Balanced ? language.AfterBalanced(tests) : tests);
            if (!judged.TryGetValue(program, out var verdict))
                judged[program] = verdict = await language.JudgeAsync(judge, program.Item1, program.Item2,
                    TestContext.Current.CancellationToken);
            Assert.True(verdict.Passed == right, $"{form}: {verdict.Reason}\n{answer}\n=>\n{read.Text}");
        }
    }

    [Theory]
    [InlineData("import math\n\nx = 3\n\ndef helper():\n    return x\n\ndef f(n):\n    '''a def f(\n\nunindented'''\n    return helper() + math.pi\n\nprint(f(1))\nassert f(1) == 3\n", "helper,f,x,math", "print,assert")]
    [InlineData("def f(n):\n    return (1 +\n2)\n\ndef g(:\n", "return (1 +\n2)", "def g")]
    [InlineData("CACHE = {}\nCACHE[1] = 2\nunused = 5\n@functools.cache\ndef f(n):\n    return CACHE[n]\nif __name__ == '__main__':\n    f(1)\n", "CACHE[1] = 2,@functools.cache", "unused,__main__")]
    [InlineData("def f(n): return 1\nThis is prose, it's \"open\nand goes on\ndef f(n): return 2\n", "return 1", "prose,return 2")]
    [InlineData("try:\n    import numpy\nexcept ImportError:\n    numpy = None\nclass Node:\n    pass\nasync def f(n):\n    return Node() if numpy else 0\nresult = f(2)\n", "except ImportError,class Node,async def", "result")]
    public void Python_is_read_as_statements(string source, string kept, string left)
    {
        var program = PythonProgram.Extract(source, "f", first: true)!;
        Assert.All(kept.Split(','), part => Assert.Contains(part, program));
        Assert.All(left.Split(','), part => Assert.DoesNotContain(part, program));
    }

    /// <summary>What stands below the function and belongs to it; what runs it does not.</summary>
    [Theory]
    [InlineData("javascript",
        "function f(n) {\n  f.calls++;\n  return g(n) + TABLE[0];\n}\n\nf.calls = 0;\nfunction g(n) {\n  return h(n);\n}\nconst h = (n) => n;\nconst TABLE = [\n  1,\n];\nfunction unused() {\n}\nconsole.log(f(1));\nconst result = f(2);\n", "f.calls = 0,function g,const h,const TABLE", "unused,console.log,result")]
    [InlineData("php", "<?php\nfunction f($n) {\n  return g($n);\n}\nfunction g($n) {\n  return $n;\n}\necho f(1);\n?>",
        "function g", "echo,?>")]
    [InlineData("cpp", "long g(long n);\nlong f(long n) {\n  return n;\n}\nint main() {\n  return f(1);\n}\n", "long f", "main")]
    public void Below_a_function_its_own_is_kept(string language, string code, string kept, string left)
    {
        var read = AnswerReader.Read(new(Asked.Program, language, "x") { Entry = "f" }, PromptLadder.Chat, "x",
            $"```{language}\n{code}```").Text;
        Assert.All(kept.Split(','), part => Assert.Contains(part, read));
        Assert.All(left.Split(','), part => Assert.DoesNotContain(part, read));
    }

    [Fact]
    public void Fences_are_Markdowns() => Assert.Equal(
        [("python", "a\n```\nb\n"), ("", "c\n"), ("cs", "open\n")],
        MarkdownFences.Read("x\n````python title=1\na\n```\nb\n````\n  ~~~\n  c\n  ~~~\n```cs\nopen"));
}
