using Banyan.Evaluation.Sandboxes;
using Banyan.Evaluation.Tasks;
using Banyan.Tests;

namespace Banyan.Evaluation.Tests;

/// <summary>A judge for tests: skips where the sandbox cannot be had, fails there in CI.</summary>
static class TestJudge
{
    public static Task<Judge> OpenAsync() => OpenAsync(JudgeOptions.DefaultCacheFolder);

    public static Task<Judge> OpenAsync(string? cacheFolder) =>
        OpenAsync(new JudgeOptions { AsPublished = true, CacheFolder = cacheFolder });

    public static async Task<Judge> OpenAsync(JudgeOptions options)
    {
        try
        {
            return await Judge.OpenAsync(options, TestContext.Current.CancellationToken);
        }
        catch (SandboxException e)
        {
            SharedData.Missing(e.Message);
            throw;
        }
    }
}

/// <summary>One judge for the tests of a class, opened by the first: opening runs a program to see that the sandbox works.</summary>
public sealed class OpenJudge : IDisposable
{
    Judge? _judge;

    public async Task<Judge> GetAsync() => _judge ??= await TestJudge.OpenAsync();

    public void Dispose() => _judge?.Dispose();
}
