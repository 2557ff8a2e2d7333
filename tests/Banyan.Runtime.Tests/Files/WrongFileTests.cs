using Banyan.Runtime.Files;
using Banyan.Runtime.Tests.Files.Safetensors;

namespace Banyan.Runtime.Tests.Files;

/// <summary>What lies in a model's place after a download that was none is called by its name, wherever it lies.</summary>
public class WrongFileTests
{
    const string Pointer =
        "version https://git-lfs.github.com/spec/v1\noid sha256:0000000000000000000000000000000000000000000000000000000000000000\nsize 123\n";

    public static TheoryData<string, string> Contents => new()
    {
        { Pointer, "Git LFS pointer" },
        { "# xet version 0\nfilesize = 5\n", "Xet pointer" },
        { "<!DOCTYPE html><html><head><title>Sign in</title></head></html>", "web page" },
        { "\uFEFF\r\n  <HTML lang=\"en\">", "web page" },
        { "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code></Error>", "web page" },
        { "{\"error\":\"Repository not found\"}", "Repository not found" },
        { "Invalid username or password.\u001b[31m", "Invalid username or password. [31m" },
        { "PK\u0003\u0004archive/data.pkl", "zip archive" },
    };

    [Theory]
    [MemberData(nameof(Contents))]
    public void In_place_of_a_GGUF_or_safetensors(string content, string expected)
    {
        using var folder = new TemporaryFolder();
        folder.File("a.gguf", content);
        Assert.Contains(expected, Assert.Throws<ModelFileException>(() => ModelFile.Open(Path.Combine(folder.Path, "a.gguf"))).Message);
        using var other = new TemporaryFolder();
        other.File("model.safetensors", content);
        other.File("config.json", SafetensorsTests.Config);
        Assert.Contains(expected, Assert.Throws<ModelFileException>(() => ModelFile.Open(other.Path)).Message);
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("tokenizer_config.json")]
    [InlineData("generation_config.json")]
    public void In_place_of_what_lies_beside(string name)
    {
        using var folder = new TemporaryFolder();
        folder.File("model.safetensors", SafetensorsTests.Bytes(SafetensorsTests.Model()));
        folder.File("config.json", SafetensorsTests.Config);
        folder.File(name, Pointer);
        var error = Assert.Throws<ModelFileException>(() => ModelFile.Open(folder.Path));
        Assert.EndsWith(name, error.Path);
        Assert.Contains("Git LFS pointer", error.Message);
    }

    [Fact]
    public void In_place_of_a_tokenizer()
    {
        using var folder = new TemporaryFolder();
        folder.File("tokenizer.json", Pointer);
        Assert.Contains("Git LFS pointer", Assert.Throws<ModelFileException>(() => Tokenizers.Tokenizer.LoadFolder(folder.Path)).Message);
    }
}
