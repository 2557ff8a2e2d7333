using System.Runtime.CompilerServices;

namespace Banyan.Server.Inference.Turns;

/// <summary>Keep-alive events while a long prompt is processed: some clients give up after half a minute of silence.</summary>
static class Pings
{
    static readonly TimeSpan s_every = TimeSpan.FromSeconds(10);

    /// <summary>Hands pieces on, and pings where none comes for a while.</summary>
    public static async IAsyncEnumerable<T> WithPings<T>(this IAsyncEnumerable<T> pieces, Func<Task> ping,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var enumerator = pieces.GetAsyncEnumerator(cancellationToken);
        while (true)
        {
            var next = enumerator.MoveNextAsync();
            if (!next.IsCompleted)
            {
                var task = next.AsTask();
                try
                {
                    while (await Task.WhenAny(task, Task.Delay(s_every, cancellationToken)) != task
                        && !cancellationToken.IsCancellationRequested)
                        await ping();
                }
                catch
                {
                    // The client left: the piece that is on its way is waited for before the generation is ended.
                    await Task.WhenAny(task);
                    throw;
                }
                if (!await task)
                    yield break;
            }
            else if (!await next)
                yield break;
            yield return enumerator.Current;
        }
    }
}
