namespace Banyan.Runtime.Models.State;

/// <summary>Which pages of the KV cache are free, in use, or kept because a later prompt may begin with their tokens. Bookkeeping only; the
/// keys and values are in <see cref="KvCache"/>. One thread at a time. Allocates nothing after construction.</summary>
/// <remarks> A full page is known by its tokens and by what went before it: the serial of the page before, given once and never again. A
/// look-up compares the tokens themselves, so no hash collision, made on purpose or not, can hand one request another's context. A page
/// that a request left partly filled is a tail: it is known by its parent, the newest per parent is kept, and the sequence that continues
/// in it takes it over. </remarks>
internal sealed class PagePool
{
    /// <summary>The serial of nothing: what goes before a first page.</summary>
    public const long Root = 0;

    const int None = -1;

    readonly int _pageTokens;
    readonly WindowPages? _windows;
    readonly int[] _tokens;      // [pages, pageTokens] of kept pages
    readonly long[] _serials;    // 0: not kept
    readonly long[] _parents;    // serial of the page before
    readonly int[] _tailTokens;  // of a tail, how many it has; else 0
    readonly int[] _users;
    readonly int[] _older;       // unused kept pages, a list from _newest to _oldest
    readonly int[] _newer;
    readonly Stack<int> _free;
    readonly Dictionary<(long Parent, int Hash), int> _kept;
    readonly Dictionary<long, int> _tails; // by parent
    int _newest = None, _oldest = None, _unusedKept;
    long _lastSerial = Root;

    /// <param name="pages">How many pages there are.</param>
    /// <param name="pageTokens">Tokens in a page.</param>
    /// <param name="windows">Where pages have companions; null if they have none.</param>
    public PagePool(int pages, int pageTokens, WindowPages? windows = null)
    {
        (Pages, _pageTokens, _windows) = (pages, pageTokens, windows);
        _tokens = new int[pages * pageTokens];
        _serials = new long[pages];
        _parents = new long[pages];
        _tailTokens = new int[pages];
        _users = new int[pages];
        _older = new int[pages];
        _newer = new int[pages];
        // Low pages first, and the last freed first: memory that was never touched stays untouched.
        _free = new Stack<int>(Enumerable.Range(0, pages).Reverse());
        _kept = new(pages);
        _tails = new(pages);
    }

    public int Pages { get; }

    /// <summary>Tokens in a page.</summary>
    public int PageTokens => _pageTokens;

    /// <summary>Pages that can be taken: free ones, and kept ones that nobody uses.</summary>
    public int Available => _free.Count + _unusedKept;

    /// <summary>Takes an empty page; if none is free, evicts the least recently used kept one.</summary>
    public bool TryTake(out int page)
    {
        if (!_free.TryPop(out page))
        {
            page = _oldest;
            if (page == None)
                return false;
            if (_tailTokens[page] > 0)
            {
                TakeTail(page);
                _windows?.Forget(page);
                return true;
            }
            Unlink(page);
            _kept.Remove(KeyOf(page));
            _serials[page] = 0;
            _windows?.Forget(page);
        }
        _users[page] = 1;
        return true;
    }

    /// <summary>Takes the kept page that holds these tokens after that parent, if there is one.</summary>
    public bool TryFind(long parent, ReadOnlySpan<int> tokens, out int page)
    {
        if (!_kept.TryGetValue((parent, Hash(tokens)), out page) || _parents[page] != parent || !tokens.SequenceEqual(TokensOf(page)))
            return false;
        if (_users[page]++ == 0)
            Unlink(page);
        return true;
    }

    /// <summary>
    /// Keeps a page that has just become full. Returns the serial of this content: of an equal page that is kept already, if there is
    /// one.
    /// </summary>
    /// <param name="page">The page; afterwards the one that is kept with this content, or -1 for none.</param>
    /// <param name="parent">The serial of the page before.</param>
    /// <param name="tokens">Its tokens.</param>
    public long Keep(ref int page, long parent, ReadOnlySpan<int> tokens)
    {
        var key = (parent, Hash(tokens));
        if (_kept.TryGetValue(key, out var equal))
        {
            page = _parents[equal] == parent && tokens.SequenceEqual(TokensOf(equal)) ? equal : None;
            return page == None ? ++_lastSerial : _serials[equal];
        }
        tokens.CopyTo(_tokens.AsSpan(page * _pageTokens));
        _parents[page] = parent;
        _serials[page] = ++_lastSerial;
        _kept.Add(key, page);
        return _lastSerial;
    }

    /// <summary>
    /// Keeps a page that its only user is about to release before it is full. Returns the serial of this content, and that of the tail of
    /// the same parent which is forgotten for it, or <see cref="Root"/>.
    /// </summary>
    public (long Serial, long Forgotten) KeepTail(int page, long parent, ReadOnlySpan<int> tokens)
    {
        var forgotten = Root;
        if (_tails.TryGetValue(parent, out var older))
        {
            forgotten = _serials[older];
            TakeTail(older);
            _windows?.Forget(older);
            Release(older);
        }
        tokens.CopyTo(_tokens.AsSpan(page * _pageTokens));
        (_parents[page], _tailTokens[page], _serials[page]) = (parent, tokens.Length, ++_lastSerial);
        _tails.Add(parent, page);
        return (_lastSerial, forgotten);
    }

    /// <summary>The tail after that parent, if these tokens begin with all of its own; nothing is taken.</summary>
    public bool TryFindTail(long parent, ReadOnlySpan<int> tokens, out int page) =>
        _tails.TryGetValue(parent, out page) && tokens.StartsWith(TokensOf(page)[..TailTokens(page)]);

    /// <summary>How many tokens a tail has.</summary>
    public int TailTokens(int page) => _tailTokens[page];

    /// <summary>Takes a tail over, to continue in it exclusively.</summary>
    public void TakeTail(int page)
    {
        Unlink(page);
        _tails.Remove(_parents[page]);
        (_serials[page], _tailTokens[page], _users[page]) = (0, 0, 1);
    }

    /// <summary>The serial of a kept page.</summary>
    public long Serial(int page) => _serials[page];

    /// <summary>Releases one use. An unused kept page stays until its memory is needed; any other becomes free.</summary>
    public void Release(int page)
    {
        if (--_users[page] > 0)
            return;
        if (_serials[page] == 0)
        {
            _free.Push(page);
            return;
        }
        (_older[page], _newer[page]) = (_newest, None);
        if (_newest != None)
            _newer[_newest] = page;
        _newest = page;
        if (_oldest == None)
            _oldest = page;
        _unusedKept++;
    }

    void Unlink(int page)
    {
        var (older, newer) = (_older[page], _newer[page]);
        if (newer == None)
            _newest = older;
        else
            _older[newer] = older;
        if (older == None)
            _oldest = newer;
        else
            _newer[older] = newer;
        _unusedKept--;
    }

    ReadOnlySpan<int> TokensOf(int page) => _tokens.AsSpan(page * _pageTokens, _pageTokens);

    (long, int) KeyOf(int page) => (_parents[page], Hash(TokensOf(page)));

    static int Hash(ReadOnlySpan<int> tokens)
    {
        var hash = new HashCode();
        hash.AddBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(tokens));
        return hash.ToHashCode();
    }
}
