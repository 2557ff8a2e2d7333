using System.Text.Json;

namespace Banyan.Cli.Tests.Commands;

public sealed class SynthesizeTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("banyan-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Writes_a_model_says_what_it_made_and_does_not_overwrite_unasked()
    {
        var file = Path.Combine(_folder, "tiny-qwen2-Q4_0.gguf");
        var (code, output, error) = await Tool.Run(["synthesize", "tiny-qwen2", _folder, "--type", "q4_0", "--json"]);
        Assert.True(code == 0, error);
        var made = JsonDocument.Parse(output).RootElement;
        Assert.Equal(file, made.GetProperty("path").GetString());
        Assert.Equal(new FileInfo(file).Length, made.GetProperty("bytes").GetInt64());
        Assert.Equal("Q4_0", made.GetProperty("type").GetString());
        Assert.Equal([file], Directory.GetFiles(_folder)); // no temporary file left

        var before = File.GetLastWriteTimeUtc(file);
        (code, _, error) = await Tool.Run(["synthesize", "tiny-qwen2", file, "--type", "Q8_0"]);
        Assert.Equal(1, code);
        Assert.Contains("--force", error);
        Assert.Equal(before, File.GetLastWriteTimeUtc(file));
        (code, output, _) = await Tool.Run(["synthesize", "tiny-qwen2", file, "--type", "Q8_0", "--force"]);
        Assert.Equal(0, code);
        Assert.Contains("tiny-qwen2", output);
        Assert.NotEqual(before, File.GetLastWriteTimeUtc(file));
    }

    [Theory]
    [InlineData("gpt-5", "x.gguf", "Q8_0", "unknown shape 'gpt-5'; known are qwen2.5-coder-0.5b")]
    [InlineData("tiny-qwen2", "x.gguf", "Q9", "unknown type 'Q9'; known are F32")]
    [InlineData("tiny-qwen2", "nowhere/x.gguf", "Q8_0", "there is no folder")]
    [InlineData("llama-3-70b", "x.gguf", "F32", "free")]
    public async Task Refuses_before_it_writes(string shape, string file, string type, string because)
    {
        if (because == "free" && new DriveInfo(_folder).AvailableFreeSpace > 290e9)
            Assert.Skip("more than 290 GB are free here");
        var (code, _, error) = await Tool.Run(["synthesize", shape, Path.Combine(_folder, file), "--type", type]);
        Assert.Equal(1, code);
        Assert.Contains(because, error);
        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Theory]
    [InlineData("ln -s kept", "a link to kept")]
    [InlineData("mkfifo", "a device, a pipe")]
    public async Task Force_replaces_files_and_nothing_else(string make, string what)
    {
        if (OperatingSystem.IsWindows())
            Assert.Skip("links and pipes of Unix");
        var path = Path.Combine(_folder, "x.gguf");
        System.Diagnostics.Process.Start("bash", ["-c", $"{make} '{path}'"])!.WaitForExit();
        var (code, _, error) = await Tool.Run(["synthesize", "tiny-qwen2", path, "--type", "Q8_0", "--force"]);
        Assert.Equal(1, code);
        Assert.Contains(what, error);
        Assert.True(new FileInfo(path) is { LinkTarget: "kept" } or { Exists: true, Length: 0 });
    }
}
