using System.Globalization;
using Banyan.Runtime.Files;
using Banyan.Runtime.Tokenizers;

namespace Banyan.Tests.Tokenizers;

/// <summary>The real vocabularies of the shared data, each loaded once, with llama.cpp's inputs and expected ids.</summary>
static class SharedTokenizers
{
    static readonly Dictionary<string, Lazy<Tokenizer>> s_loaded =
        Names.ToDictionary(name => name, name => new Lazy<Tokenizer>(() => Read(name)));

    public static string[] Names => ["gpt-2", "llama-spm", "deepseek-coder", "starcoder", "qwen2.5"];

    public static Tokenizer Load(string name) => s_loaded[name].Value;

    /// <summary>Each input with the ids expected for it.</summary>
    public static IEnumerable<(string Text, int[] Ids)> Vectors(string name)
    {
        var stem = Path.Combine(SharedData.Path("tokenizers"), name == "qwen2.5" ? "qwen2.5/vectors" : $"ggml-vocab-{name}.gguf");
        var inputs = File.ReadAllText(stem + ".inp").Split("\n__ggml_vocab_test__\n");
        var outputs = File.ReadAllText(stem + ".out").Split('\n');
        Assert.True(inputs.Length >= 46 && outputs.Length >= inputs.Length - 1);
        return inputs.Zip(outputs,
            (text, ids) =>
                (text, ids.Split(' ', StringSplitOptions.RemoveEmptyEntries)
                    .Select(id => int.Parse(id, CultureInfo.InvariantCulture)).ToArray()));
    }

    static Tokenizer Read(string name)
    {
        if (name == "qwen2.5")
            return Tokenizer.LoadFolder(SharedData.Path("tokenizers", name));
        using var file = ModelFile.Open(SharedData.Path("tokenizers", $"ggml-vocab-{name}.gguf"));
        return Tokenizer.Load(file);
    }
}
