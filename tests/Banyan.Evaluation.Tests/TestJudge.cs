using Banyan.Evaluation.Sandboxes;
using Banyan.Evaluation.Tasks;
using Banyan.Tests;

namespace Banyan.Evaluation.Tests;

/// <summary>A judge for tests: skips where the sandbox cannot be had, fails there in CI.</summary>
static class TestJudge
{
    public static Task<Judge> OpenAsync() => OpenAsync(JudgeOptions.DefaultCacheFolder);

    public static async Task<Judge> OpenAsync(string? cacheFolder)
    {
        try
        {
            return await Judge.OpenAsync(new() { AsPublished = true, CacheFolder = cacheFolder }, TestContext.Current.CancellationToken);
        }
        catch (SandboxException e)
        {
            SharedData.Missing(e.Message);
            throw;
        }
    }
}
