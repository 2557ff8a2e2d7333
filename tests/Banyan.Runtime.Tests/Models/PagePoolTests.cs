using Banyan.Runtime.Models;
using Banyan.Runtime.Models.State;
using CsCheck;

namespace Banyan.Runtime.Tests.Models;

/// <summary>The bookkeeping of pages against a plain model of it, under random use.</summary>
public class PagePoolTests
{
    const int Pages = 6, PageTokens = 2;

    [Fact]
    public void No_page_is_lost_shared_by_accident_or_found_with_other_tokens() => Gen.Int[0, 999].Array[0, 200].Sample(steps =>
    {
        var pool = new PagePool(Pages, PageTokens);
        var held = new List<(int Page, long Parent, int[] Tokens, bool Kept)>();
        var tails = new Dictionary<long, int>(); // the token of the newest
        foreach (var step in steps)
        {
            // Tokens and parents repeat, so that look-ups hit.
            int[] tokens = [step / 10 % 3, step / 30 % 2];
            var parent = held.Count > 0 && step % 2 == 0 && held[0].Kept ? pool.Serial(held[0].Page) : PagePool.Root;
            switch (step % 10)
            {
                case < 4:
                    var available = pool.Available;
                    Assert.Equal(available > 0, pool.TryTake(out var page));
                    if (available > 0)
                    {
                        Assert.DoesNotContain(held, h => h.Page == page);
                        Assert.Equal(available - 1, pool.Available);
                        if (step % 7 < 3)
                        {
                            held.Add((page, parent, tokens[..1], false));
                            break;
                        }
                        var kept = page;
                        var serial = pool.Keep(ref kept, parent, tokens);
                        Assert.NotEqual(PagePool.Root, serial);
                        held.Add((page, parent, tokens, pool.Serial(page) == serial));
                    }
                    break;
                case < 7 when held.Count > 0:
                    var at = step / 10 % held.Count;
                    if (held[at].Tokens.Length < PageTokens)
                    {
                        pool.KeepTail(held[at].Page, held[at].Parent, held[at].Tokens);
                        tails[held[at].Parent] = held[at].Tokens[0];
                    }
                    pool.Release(held[at].Page);
                    held.RemoveAt(at);
                    break;
                case 7:
                    if (pool.TryFindTail(parent, tokens, out var tail))
                    {
                        Assert.Equal((1, tails[parent]), (pool.TailTokens(tail), tokens[0]));
                        Assert.DoesNotContain(held, h => h.Page == tail);
                        pool.TakeTail(tail);
                        Assert.False(pool.TryFindTail(parent, tokens, out _));
                        held.Add((tail, parent, tokens[..1], false));
                    }
                    break;
                default:
                    if (pool.TryFind(parent, tokens, out var found))
                    {
                        Assert.All(held.Where(h => h.Page == found), h => Assert.Equal(tokens, h.Tokens));
                        Assert.All(held.Where(h => h.Page == found), h => Assert.Equal(parent, h.Parent));
                        held.Add((found, parent, tokens, true));
                    }
                    break;
            }
            Assert.Equal(Pages - held.Select(h => h.Page).Distinct().Count(), pool.Available);
        }
        foreach (var (page, _, _, _) in held)
            pool.Release(page);
        Assert.Equal(Pages, pool.Available);
    });

    [Fact]
    public void The_longest_unused_goes_first()
    {
        var pool = new PagePool(3, PageTokens);
        for (var i = 0; i < 3; i++)
        {
            pool.TryTake(out var page);
            var kept = page;
            pool.Keep(ref kept, PagePool.Root, [i, i]);
            pool.Release(page);
        }
        Assert.True(pool.TryFind(PagePool.Root, [0, 0], out var used)); // 0 is used again, so 1 is the oldest
        pool.Release(used);
        Assert.True(pool.TryTake(out _));
        Assert.False(pool.TryFind(PagePool.Root, [1, 1], out _));
        Assert.True(pool.TryFind(PagePool.Root, [0, 0], out _));
        Assert.True(pool.TryFind(PagePool.Root, [2, 2], out _));
    }
}
