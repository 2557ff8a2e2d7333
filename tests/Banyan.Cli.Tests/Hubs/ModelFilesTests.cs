using Banyan.Cli.Hubs;
using Banyan.Client;

namespace Banyan.Cli.Tests.Hubs;

public class ModelFilesTests
{
    static List<RepoFile> Files(params string[] paths) =>
        [.. paths.Select((p, i) => new RepoFile(p, i + 1, new string('0', 40), null, null))];

    [Fact]
    public void Each_gguf_or_split_set_is_a_model()
    {
        var found =
            ModelFiles.Find(Files("README.md", "m-q4_k_m.gguf", "q8/m-q8_0-00001-of-00002.gguf", "q8/m-q8_0-00002-of-00002.gguf",
                "mmproj-f16.gguf", "m.imatrix.gguf", "model.safetensors"));
        Assert.Equal(["m-q4_k_m.gguf", "q8/m-q8_0.gguf"], found.Select(f => f.Name));
        Assert.Equal("q8/m-q8_0-00001-of-00002.gguf", found[1].Main);
        Assert.Equal(2, found[1].Files.Count);
        Assert.Equal("m-q4_k_m.gguf", ModelFiles.Named(found, "Q4_K_M").Single().Name);
        Assert.Equal(2, ModelFiles.Named(found, null).Count);
        Assert.Empty(ModelFiles.Named(found, "q5"));
    }

    [Fact]
    public void Without_gguf_the_safetensors_of_the_top_folder_and_what_they_need()
    {
        var found =
            ModelFiles.Find(Files("config.json", "tokenizer.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
                "model.safetensors.index.json",
            "consolidated.safetensors", "onnx/model.onnx", "chat_template.jinja", "pytorch_model.bin", "README.md"));
        Assert.Equal(["chat_template.jinja", "config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
            "model.safetensors.index.json", "tokenizer.json"],
            found.Single().Files.Select(f => f.Path).Order(StringComparer.Ordinal));
        Assert.Empty(ModelFiles.Find(Files("README.md", "pytorch_model.bin")));
    }

    [Theory]
    [InlineData("500MB", 500_000_000)]
    [InlineData("1.5 GiB", 1_610_612_736)]
    [InlineData("2MB/s", 2_000_000)]
    [InlineData("100000", 100_000)]
    [InlineData("64k", 64_000)]
    public void Amounts_are_read(string text, long bytes) => Assert.Equal(bytes, ByteAmount.Parse("--max-bytes", text));

    [Theory]
    [InlineData("")]
    [InlineData("much")]
    [InlineData("-5MB")]
    [InlineData("5 bananas")]
    [InlineData("1KB")]
    public void Others_are_refused(string text) =>
        Assert.StartsWith("--max-bytes", Assert.Throws<CommandException>(() => ByteAmount.Parse("--max-bytes", text)).Message,
            StringComparison.Ordinal);
}
