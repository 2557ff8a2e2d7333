using System.Text;
using Banyan.Runtime.Tokenizers.Normalization;

namespace Banyan.Tests.Tokenizers;

/// <summary>Every shared vector, exactly.</summary>
public sealed class VectorTests
{
    public static TheoryData<string> Names => [.. SharedTokenizers.Names];

    [Theory, MemberData(nameof(Names))]
    public void Ids_are_those_of_the_reference(string name)
    {
        var tokenizer = SharedTokenizers.Load(name);
        foreach (var (text, ids) in SharedTokenizers.Vectors(name))
            Assert.Equal(ids, tokenizer.Encode(text, addSpecial: false));
    }

    [Theory, MemberData(nameof(Names))]
    public void Text_comes_back(string name)
    {
        var tokenizer = SharedTokenizers.Load(name);
        foreach (var (text, ids) in SharedTokenizers.Vectors(name))
            Assert.Equal(name == "qwen2.5" ? Normalized(text) : text, tokenizer.Decode(ids));
    }

    static string Normalized(string text) => new Nfc().Apply(Encoding.UTF8.GetBytes(text), first: true) is { } bytes
        ? Encoding.UTF8.GetString(bytes) : text;
}
