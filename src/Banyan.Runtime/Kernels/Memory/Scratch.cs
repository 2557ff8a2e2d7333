namespace Banyan.Runtime.Kernels.Memory;

/// <summary>Working memory of the current thread, kept from call to call so that kernels allocate nothing.</summary>
internal static unsafe class Scratch
{
    [ThreadStatic]
    static AlignedBuffer? s_part, s_job;

    /// <summary>
    /// For one part of a job: at least <paramref name="bytes"/> bytes of any content, 64-byte aligned, until this thread's next call.
    /// </summary>
    public static byte* ForPart(long bytes) => Grow(ref s_part, bytes);

    /// <summary>For a whole job, shared by its parts; taken by the thread that runs it.</summary>
    public static byte* ForJob(long bytes) => Grow(ref s_job, bytes);

    static byte* Grow(ref AlignedBuffer? buffer, long bytes)
    {
        if (buffer is null || buffer.Length < bytes)
        {
            buffer?.Dispose();
            buffer = new AlignedBuffer(bytes, zeroed: false);
        }
        return buffer.Pointer;
    }
}
