using System.Diagnostics;
using System.Text.Json;
using Banyan.Tests;

namespace Banyan.Cli.Tests.Commands.Tune;

/// <summary>Training that is killed (SIGKILL), at random moments of loading, computing and saving, and begun again each time.</summary>
public sealed class TuneKillTests : IDisposable
{
    const int Seed = 20261129;

    static readonly int s_kills = Sampled.All ? 100 : 2;
    static readonly int s_steps = 12 * s_kills + 10;

    readonly string _folder = Directory.CreateTempSubdirectory("banyan-kill-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    string[] Command(string folder) =>
        ["tune", SharedData.Path("models", "qwen2-tiny-Q8_0.gguf"), Path.Combine(_folder, "data.jsonl"), "--out",
            Path.Combine(_folder, folder), "--steps", $"{s_steps}",
            "--length", "64", "--batch", "1", "--rank", "2", "--checkpoint-every", "1", "--evaluate-every", "7", "--lr", "1e-3", "--json"];

    [Fact]
    public async Task Killed_anywhere_it_keeps_what_was_reported_saved_and_ends_with_the_same_bytes()
    {
        File.WriteAllLines(Path.Combine(_folder, "data.jsonl"),
            Enumerable.Range(0, 40).Select(i => $$"""{"prompt": "What is {{i}}?", "completion": " It is {{i * 7 % 10}}."}"""));
        var (code, output, error) = await Tool.Run(Command("whole"));
        Assert.True(code == 0, error);
        var losses = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(Read).ToDictionary(l => l.Step, l => l.Loss);

        var (random, saved, told, kills) = (new Random(Seed), 0, 0, 0);
        for (var kill = 0; kills < s_kills && kill < 20 * s_kills; kill++)
        {
            using var process = Process.Start(BanyanProgram.Start(Command("killed")))!;
            var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            // One in four before the first step of this call is told; the others within some steps, or between two.
            var lines = kill % 4 == 3 ? 0 : random.Next(1, 7);
            for (var i = 0; i < lines; i++)
            {
                var line = await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
                if (line is null)
                    Assert.Fail(await errors);
                var (step, loss, isSaved) = Read(line);
                if (i == 0)
                    Assert.True(step > saved && step <= told + 2,
                        $"kill {kill}: it went on with step {step}, where {saved} was reported saved and {told} told");
                Assert.Equal(losses[step], loss);
                (told, saved) = (Math.Max(told, step), isSaved ? Math.Max(saved, step) : saved);
            }
            await Task.Delay(random.Next(lines == 0 ? 600 : 15), TestContext.Current.CancellationToken); // where it is then is the point
            process.Kill();
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            // What it told between the last line that was read and its end.
            foreach (var line in (await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken)).Split('\n')[..^1])
                (told, saved) = (Math.Max(told, Read(line).Step), Read(line).Saved ? Math.Max(saved, Read(line).Step) : saved);
            kills++;
            if (told == s_steps)
            {
                // This process waited so long for a processor that the run was done: it begins anew.
                Directory.Delete(Path.Combine(_folder, "killed"), recursive: true);
                (told, saved, kills) = (0, 0, 0);
            }
        }
        Assert.True(kills > 0, "the run was done before it was killed");
        (code, output, error) = await Tool.Run(Command("killed"));
        Assert.True(code == 0, error);
        foreach (var file in Directory.GetFiles(Path.Combine(_folder, "whole"), "*", SearchOption.AllDirectories)
            .Where(f => Path.GetFileName(f) is not ("tune.toml" or "data.json" or "run.html")))
        {
            var other = file.Replace("whole", "killed", StringComparison.Ordinal);
            Assert.True(File.ReadAllBytes(file).AsSpan().SequenceEqual(File.ReadAllBytes(other)),
                $"{other} is another file after {kills} kills");
        }
    }

    static (int Step, double Loss, bool Saved) Read(string line)
    {
        var step = JsonDocument.Parse(line).RootElement;
        return (step.GetProperty("step").GetInt32(), step.GetProperty("loss").GetDouble(), step.GetProperty("saved").GetBoolean());
    }
}
