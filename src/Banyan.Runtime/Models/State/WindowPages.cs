using Banyan.Runtime.Kernels.Memory;

namespace Banyan.Runtime.Models.State;

/// <summary>Pages of the sliding-window layers: a sequence holds those of its last window and releases earlier ones. A page that a later
/// prompt may begin with is kept beside its page of the other layers, as far as memory allows. One thread at a time.</summary>
/// <param name="pageBytes">Bytes of a page, those of all layers with a window.</param>
/// <param name="window">Tokens that the widest of these layers sees, the newest counted.</param>
/// <param name="pageTokens">Tokens in a page.</param>
internal sealed unsafe class WindowPages(long pageBytes, int window, int pageTokens) : IDisposable
{
    /// <summary>
    /// Pages that sequences hold, and pages that are kept for later, take at most these shares of the memory this process may use.
    /// </summary>
    const int ClaimedShare = 8, KeptShare = 16;

    /// <summary>A sequence holds one page more than its window, since the next prompt may differ shortly before this one's end.</summary>
    const int Spare = 1;

    /// <summary>A pass writes about so many pages before it gives any up.</summary>
    const int PassPages = 8;

    const int None = -1;

    struct Page
    {
        public int Users, CompanionOf;
        public long LastUse;
        public bool IsWorthKeeping;
    }

    readonly List<AlignedBuffer> _buffers = [];
    readonly Stack<int> _free = [];
    readonly Dictionary<int, int> _companions = []; // by page of the other layers
    readonly int _mostKept = Affordable(KeptShare, pageBytes, 2 * (window / pageTokens + 1 + Spare));
    readonly int _mostClaimed = Affordable(ClaimedShare, pageBytes, 1);
    Page[] _pages = new Page[64];
    int _unused, _claimed;
    long _uses;

    static int Affordable(int share, long pageBytes, int least) =>
        (int)Math.Clamp(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / share / pageBytes, least, int.MaxValue / 2);

    /// <summary>Pages that have memory.</summary>
    public int Count => _buffers.Count;

    /// <summary>Of those, how many sequences hold.</summary>
    public int Held => _buffers.Count - _free.Count - _unused;

    /// <summary>The address of a page.</summary>
    public byte* Address(int page) => _buffers[page].Pointer;

    /// <summary>The first page that a sequence of that length needs to go on.</summary>
    public int FirstNeeded(int length) => Math.Max(0, (length - window + 1) / pageTokens);

    /// <summary>The first page that a sequence of that length holds.</summary>
    public int FirstHeld(int length) => Math.Max(0, FirstNeeded(length / pageTokens * pageTokens) - Spare);

    /// <summary>Pages that a sequence of at most so many tokens holds at once.</summary>
    public int MostHeld(int capacity) => Math.Min((capacity + pageTokens - 1) / pageTokens, window / pageTokens + 2 + Spare + PassPages);

    /// <summary>Admits a sequence that will hold at most so many pages. False if others hold too many; the first is always
    /// admitted.</summary>
    public bool TryClaim(int pages)
    {
        if (_claimed > 0 && _claimed + pages > _mostClaimed)
            return false;
        _claimed += pages;
        return true;
    }

    /// <summary>It ended.</summary>
    public void Unclaim(int pages) => _claimed -= pages;

    /// <summary>A page of any content.</summary>
    public int Take()
    {
        if (!_free.TryPop(out var page))
        {
            page = _buffers.Count;
            _buffers.Add(new AlignedBuffer(pageBytes, zeroed: false));
            if (page == _pages.Length)
                Array.Resize(ref _pages, 2 * page);
        }
        _pages[page] = new Page { Users = 1, CompanionOf = None };
        return page;
    }

    /// <summary>Whether the companion of a page of the other layers is there.</summary>
    public bool Has(int of) => _companions.ContainsKey(of);

    /// <summary>Takes the companion of a page of the other layers.</summary>
    public int TakeCompanion(int of)
    {
        var page = _companions[of];
        ref var held = ref _pages[page];
        _unused -= held.Users++ == 0 ? 1 : 0;
        held.IsWorthKeeping = true;
        return page;
    }

    /// <summary>A page that is full stays for as long as that page of the other layers, unless that has a companion.</summary>
    public void Keep(int page, int of)
    {
        if (_companions.TryAdd(of, page))
            _pages[page].CompanionOf = of;
    }

    /// <summary>Releases one use. Unused companions are evicted as memory requires: first those that a sequence has passed, then the least
    /// recently used.</summary>
    /// <param name="page">The page.</param>
    /// <param name="isBehind">Whether the sequence has passed it.</param>
    public void Release(int page, bool isBehind)
    {
        ref var held = ref _pages[page];
        held.IsWorthKeeping |= !isBehind;
        held.LastUse = ++_uses;
        if (--held.Users > 0)
            return;
        if (held.CompanionOf == None)
        {
            _free.Push(page);
            return;
        }
        if (++_unused > _mostKept)
            Forget(LeastWorth());
    }

    /// <summary>A page of the other layers is given away: its companion is nobody's.</summary>
    public void Forget(int of)
    {
        if (!_companions.Remove(of, out var page))
            return;
        _pages[page].CompanionOf = None;
        if (_pages[page].Users > 0)
            return;
        _unused--;
        _free.Push(page);
    }

    int LeastWorth()
    {
        var (least, worth) = (None, (true, long.MaxValue));
        foreach (var (of, page) in _companions)
            if (_pages[page] is { Users: 0 } kept && (kept.IsWorthKeeping, kept.LastUse).CompareTo(worth) < 0)
                (least, worth) = (of, (kept.IsWorthKeeping, kept.LastUse));
        return least;
    }

    public void Dispose() => _buffers.ForEach(b => b.Dispose());
}
