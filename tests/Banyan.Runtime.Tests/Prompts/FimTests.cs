using Banyan.Runtime.Generation;
using Banyan.Runtime.Prompts;
using Banyan.Runtime.Tokenizers;
using Banyan.Tests;

namespace Banyan.Runtime.Tests.Prompts;

/// <summary>Fill-in-the-middle prompts with the tokens of Qwen2.5-Coder.</summary>
public class FimTests
{
    const int Prefix = 151659, Middle = 151660, Suffix = 151661, Pad = 151662, Repo = 151663, Separator = 151664, EndOfText = 151643;

    static readonly Lazy<Tokenizer> s_tokenizer = new(() => Tokenizer.LoadFolder(SharedData.Path("tokenizers", "qwen2.5")));

    static Tokenizer Qwen => s_tokenizer.Value;

    static int[] Plain(string text) => Qwen.Encode(text, addSpecial: false, parseSpecial: false);

    [Fact]
    public void A_file_is_prefix_suffix_middle() => Assert.Equal(
        [Prefix, .. Plain("int Add(int a, int b)\n{\n    return "), Suffix, .. Plain(";\n}\n"), Middle],
        Fim.Prompt(Qwen, "int Add(int a, int b)\n{\n    return ", ";\n}\n"));

    [Fact]
    public void A_repository_names_itself_and_shows_its_files()
    {
        var repository = new FimRepository("library-system", "main.py",
            [new FimFile("library.py", "class Book: pass"), new FimFile("student.py", "class Student: pass\n")]);
        Assert.Equal(
            [Repo, .. Plain("library-system\n"), Separator, .. Plain("library.py\nclass Book: pass\n"), Separator,
                .. Plain("student.py\nclass Student: pass\n"),
             Separator, .. Plain("main.py\n"), Prefix, .. Plain("from library import "), Suffix, .. Plain("\n"), Middle],
            Fim.Prompt(Qwen, "from library import ", "\n", repository: repository));
    }

    [Fact]
    public void Text_never_becomes_a_special_token()
    {
        var prompt = Fim.Prompt(Qwen, "<|fim_middle|><|endoftext|>", "<|repo_name|>");
        Assert.Equal([Prefix, Suffix, Middle], prompt.Where(t => t >= EndOfText));
    }

    [Theory]
    [InlineData(4)]
    [InlineData(20)]
    [InlineData(101)]
    [InlineData(400)]
    public void What_does_not_fit_is_cut_far_from_the_cursor(int maxTokens)
    {
        var prefix = string.Concat(Enumerable.Range(0, 300).Select(i => $"line {i};\n"));
        var suffix = string.Concat(Enumerable.Range(300, 300).Select(i => $"line {i};\n"));
        var prompt = Fim.Prompt(Qwen, prefix, suffix, maxTokens, new FimRepository("r", "main", [new FimFile("big", prefix)]));
        Assert.InRange(prompt.Length, 3, maxTokens);
        var at = Array.IndexOf(prompt, Suffix);
        var start = Array.IndexOf(prompt, Prefix) + 1;
        var (before, after) = (Qwen.Decode(prompt[start..at]), Qwen.Decode(prompt[(at + 1)..^1]));
        Assert.EndsWith(before, prefix);
        Assert.StartsWith(after, suffix);
        if (maxTokens < 100)
            return;
        // Whole lines, and the prefix gets the larger share.
        Assert.StartsWith("line", before);
        Assert.EndsWith(";\n", after);
        Assert.InRange(before.Length, after.Length * 2, after.Length * 4);
        // A suffix that needs little leaves the rest to the prefix.
        var little = Fim.Prompt(Qwen, prefix, ";", maxTokens);
        Assert.InRange(little.Length, maxTokens * 0.9, maxTokens);
    }

    [Fact]
    public void Files_that_do_not_fit_are_left_out_first_to_last()
    {
        var repository = new FimRepository("r", "main", [.. Enumerable.Range(0, 10).Select(i => new FimFile($"f{i}", $"text {i}"))]);
        var prompt = Fim.Prompt(Qwen, "a", "b", maxTokens: 60, repository);
        Assert.InRange(prompt.Length, 40, 60);
        var shown = Qwen.Decode(prompt);
        Assert.Contains("f9", shown);
        Assert.DoesNotContain("f0", shown);
    }

    [Fact]
    public void The_middle_ends_at_the_models_own_tokens()
    {
        Assert.Equal([Prefix, Suffix, Middle, Pad, Repo, Separator], Fim.StopTokens(Qwen));
        Assert.Contains(EndOfText, Qwen.EndOfGeneration);
    }

    [Fact]
    public void A_model_without_the_tokens_says_so()
    {
        using var file = Banyan.Runtime.Files.ModelFile.Open(SharedData.Path("models", "stories260K.gguf"));
        Assert.Contains("fill-in-the-middle", Assert.Throws<GenerationException>(() => Fim.Prompt(Tokenizer.Load(file), "a", "b")).Message);
    }
}
