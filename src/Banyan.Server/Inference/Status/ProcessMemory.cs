namespace Banyan.Server.Inference.Status;

static class ProcessMemory
{
    /// <summary>What this process holds in memory now, mapped model files included as far as they were read.</summary>
    public static long Bytes => Environment.WorkingSet;
}
