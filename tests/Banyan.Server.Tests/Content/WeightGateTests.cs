using Banyan.Server.Content;

namespace Banyan.Server.Tests.Content;

public sealed class WeightGateTests
{
    [Fact]
    public async Task Work_goes_in_by_weight_in_the_order_it_comes()
    {
        var gate = new WeightGate(10);
        var first = await gate.EnterAsync(6, default);
        var heavy = gate.EnterAsync(5, default);
        var light = gate.EnterAsync(1, default);
        Assert.False(heavy.IsCompleted);
        Assert.False(light.IsCompleted);   // it came later
        first.Dispose();
        first.Dispose();
        (await heavy).Dispose();
        (await light).Dispose();
        // Heavier than all: alone, and not never.
        var all = await gate.EnterAsync(1000, default);
        var next = gate.EnterAsync(1, default);
        Assert.False(next.IsCompleted);
        all.Dispose();
        (await next).Dispose();
        (await gate.EnterAsync(10, default)).Dispose();
    }

    [Fact]
    public async Task Who_gives_up_is_in_nobodys_way()
    {
        var gate = new WeightGate(10);
        var first = await gate.EnterAsync(6, default);
        using var stop = new CancellationTokenSource();
        var heavy = gate.EnterAsync(5, stop.Token);
        var light = gate.EnterAsync(4, default);
        await stop.CancelAsync();
        await Assert.ThrowsAsync<TaskCanceledException>(() => heavy);
        (await light).Dispose();
        first.Dispose();
        (await gate.EnterAsync(10, default)).Dispose();
    }

    [Fact]
    public async Task Never_more_inside_than_it_takes()
    {
        var gate = new WeightGate(100);
        var inside = 0L;
        var most = 0L;
        await Task.WhenAll(Enumerable.Range(0, 500).Select(i => Task.Run(async () =>
        {
            var weight = 1 + i * 37 % 60;
            using var stop = new CancellationTokenSource();
            if (i % 7 == 0)
                await stop.CancelAsync();
            try
            {
                using (await gate.EnterAsync(weight, stop.Token))
                {
                    var now = Interlocked.Add(ref inside, weight);
                    InterlockedMax(ref most, now);
                    await Task.Yield();
                    Interlocked.Add(ref inside, -weight);
                }
            }
            catch (OperationCanceledException)
            {
            }
        })));
        Assert.InRange(most, 1, 100);
        (await gate.EnterAsync(100, default)).Dispose();
    }

    static void InterlockedMax(ref long most, long value)
    {
        for (var seen = Interlocked.Read(ref most); seen < value; seen = Interlocked.Read(ref most))
            Interlocked.CompareExchange(ref most, value, seen);
    }
}
