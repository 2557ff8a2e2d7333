using System.Diagnostics;
using Banyan.Tests;

namespace Banyan.Cli.Tests;

/// <summary>The programs of <c>samples/</c>, compiled and run as their first lines say, with the model that ships.</summary>
public class SamplesTests
{
    static readonly string s_model = Path.Combine(SharedData.Repository, "models", "sprout", "sprout-Q8_0.gguf");

    [Fact]
    public async Task They_run()
    {
        Assert.SkipUnless(Sampled.All, "each is compiled first, which takes most of a minute: ./check --all");
        Assert.Contains("> ", await RunAsync("chat.cs", "def add(a, b):\n\n", s_model));
        var folder = Directory.CreateTempSubdirectory("banyan-sample-");
        File.WriteAllText(Path.Combine(folder.FullName, "a.txt"), "Bandung lies in a basin.\n\nRecife lies by the sea.\n");
        Assert.StartsWith("1.000  a.txt: Recife lies by the sea.",
            await RunAsync("retrieval.cs", "", s_model, folder.FullName, "Recife lies by the sea."));
        folder.Delete(recursive: true);

        using var server = Start("tools-api.cs", s_model);
        try
        {
            using var client = new HttpClient { Timeout = TimeSpan.FromMinutes(5) };
            for (string? line; (line = await server.StandardOutput.ReadLineAsync()) is not null;)
                if (line.Split("Now listening on: ") is [_, var address])
                {
                    Assert.Contains("\"answer\":", await client.GetStringAsync($"{address}/ask?question=Trunks"));
                    return;
                }
            Assert.Fail(await server.StandardError.ReadToEndAsync());
        }
        finally
        {
            server.Kill(entireProcessTree: true);
        }
    }

    static Process Start(string sample, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet",
            ["run", Path.Combine(SharedData.Repository, "samples", sample), .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        };
        start.Environment["ASPNETCORE_URLS"] = "http://127.0.0.1:0";
        return Process.Start(start)!;
    }

    static async Task<string> RunAsync(string sample, string input, params string[] arguments)
    {
        using var process = Start(sample, arguments);
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{await output}{await error}");
        return await output;
    }
}
