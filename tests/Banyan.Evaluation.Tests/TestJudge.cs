using Banyan.Evaluation.Sandboxes;
using Banyan.Evaluation.Tasks;
using Banyan.Tests;

namespace Banyan.Evaluation.Tests;

/// <summary>A judge for tests: skips where the sandbox cannot be had, fails there in CI.</summary>
static class TestJudge
{
    public static async Task<Judge> OpenAsync()
    {
        try
        {
            return await Judge.OpenAsync(new() { AsPublished = true }, TestContext.Current.CancellationToken);
        }
        catch (SandboxException e)
        {
            SharedData.Missing(e.Message);
            throw;
        }
    }
}
