using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Banyan.Runtime.Models.State;

/// <summary>The tokens of one request that the layers have processed, and their state: a table of pages, and recurrent states. Sequences
/// with a common prefix share its pages. Starting, growing, rolling back and ending a request all go through here, whatever state its
/// layers have.</summary>
internal sealed unsafe class Sequence
{
    readonly KvCache _cache;
    readonly PagePool _pool;
    readonly int[] _pages;
    readonly nint[] _addresses; // pinned, as kernels read it
    readonly Checkpoints? _checkpoints; // null where no layer is recurrent
    readonly WindowPages? _windows; // null where all layers see everything
    readonly int[] _windowPages;
    readonly nint[] _windowAddresses; // pinned
    readonly int _claim;
    int _windowFirst, _windowEnd; // of the pages with a window that it holds
    bool _hasClaim;
    int _pageCount;
    readonly long _root;
    long _serial; // of the last full page

    /// <param name="cache">Where pages come from.</param>
    /// <param name="capacity">The maximum tokens this sequence can have.</param>
    /// <param name="adapter">What its tokens are computed with; null for the base alone.</param>
    public Sequence(KvCache cache, int capacity, ModelAdapter? adapter = null)
    {
        Adapter = adapter;
        // What was computed with another adapter is no beginning of this one.
        _serial = _root = adapter?.Root ?? PagePool.Root;
        (_cache, _pool) = (cache, cache.Pool);
        _pages = new int[(capacity + _pool.PageTokens - 1) / _pool.PageTokens];
        _addresses = GC.AllocateArray<nint>(_pages.Length, pinned: true);
        _checkpoints = cache.Recurrent is { } states ? new Checkpoints(states) : null;
        _windows = cache.Windows;
        _windowPages = _windows is null ? [] : new int[_pages.Length];
        _windowAddresses = GC.AllocateArray<nint>(_windowPages.Length, pinned: true);
        _claim = _windows?.MostHeld(capacity) ?? 0;
    }

    /// <summary>What its tokens are computed with; null for the base alone.</summary>
    public ModelAdapter? Adapter { get; }

    /// <summary>Tokens whose keys and values are in the cache.</summary>
    public int Length { get; private set; }

    /// <summary>
    /// Addresses of its pages: page i holds tokens [i · pageTokens, (i + 1) · pageTokens) of all layers. Stays where it is.
    /// </summary>
    public byte** Pages => (byte**)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_addresses));

    /// <summary>
    /// As <see cref="Pages"/>, of the layers with a window: only those that hold what the window shows of the next token, and later ones.
    /// </summary>
    public byte** WindowPages => (byte**)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_windowAddresses));

    /// <summary>Its recurrent states.</summary>
    public Checkpoints Checkpoints => _checkpoints ?? throw new InvalidOperationException("no layer is recurrent");

    /// <summary>Starts with kept pages that hold the same tokens, as far as a snapshot of recurrent states and the last window exist too,
    /// and continues in a partly filled page if there is one. At least the last token remains to be computed, for its logits. Returns how
    /// many tokens need no computation.</summary>
    public int Begin(ReadOnlySpan<int> tokens)
    {
        var (size, usable, windowFrom) = (_pool.PageTokens, (Pages: 0, Serial: _root), 0);
        while (Length + size < tokens.Length && _pool.TryFind(_serial, tokens.Slice(Length, size), out var page))
        {
            Take(page);
            _serial = _pool.Serial(page);
            Length += size;
            if (_windows?.Has(page) == false)
                windowFrom = _pageCount; // what the window shows must be there without a gap
            if (_cache.Recurrent?.Has(_serial) != false && (_windows is null || windowFrom <= _windows.FirstNeeded(Length)))
                usable = (_pageCount, _serial);
        }
        if (TryTakeTail(tokens, windowFrom))
            return Length;
        while (_pageCount > usable.Pages)
            _pool.Release(_pages[--_pageCount]);
        (Length, _serial) = (usable.Pages * size, usable.Serial);
        _checkpoints?.Begin(Length, _serial, tokens.Length, size);
        TakeWindows();
        return Length;
    }

    bool TryTakeTail(ReadOnlySpan<int> tokens, int windowFrom)
    {
        if (!_pool.TryFindTail(_serial, tokens[Length..^1], out var tail))
            return false;
        var (serial, count) = (_pool.Serial(tail), _pool.TailTokens(tail));
        if (_cache.Recurrent?.Has(serial) == false)
            return false;
        if (_windows is not null && (!_windows.Has(tail) || windowFrom > _windows.FirstNeeded(Length + count)))
            return false;
        _pool.TakeTail(tail);
        Take(tail);
        Length += count;
        _checkpoints?.Begin(Length, serial, tokens.Length, _pool.PageTokens);
        _cache.Recurrent?.Drop(serial);
        TakeWindows();
        _windows?.Forget(tail);
        return true;
    }

    // Those of the window before the next token.
    void TakeWindows()
    {
        if (_windows is not null)
            for (_windowFirst = _windowEnd = _windows.FirstNeeded(Length); _windowEnd < _pageCount;)
                TakeWindow(_windows.TakeCompanion(_pages[_windowEnd]));
    }

    /// <summary>Prepares for a pass of the given number of rows after <see cref="Length"/>; the sequence may continue after each of the
    /// last <paramref name="stops"/> rows.</summary>
    public void Plan(int rows, int stops)
    {
        _checkpoints?.Plan(Length, Length + rows, stops);
        while (_windows is not null && _windowEnd * _pool.PageTokens < Length + rows)
            TakeWindow(_windows.Take());
    }

    /// <summary>Reserves memory for that many tokens in all. Returns false and changes nothing if fewer than <paramref name="spare"/> pages
    /// would be left.</summary>
    public bool TryReserve(int length, int spare = 0)
    {
        var needed = Math.Max(0, (length + _pool.PageTokens - 1) / _pool.PageTokens - _pageCount);
        if (needed + spare > _pool.Available)
            return false;
        if (_windows is not null && !_hasClaim && !(_hasClaim = _windows.TryClaim(_claim)))
            return false;
        for (; needed > 0; needed--)
        {
            _pool.TryTake(out var page);
            Take(page);
        }
        return true;
    }

    /// <summary>
    /// The tokens up to <paramref name="length"/> have been computed and stay. Pages that became full are kept for later prompts.
    /// </summary>
    /// <param name="length">The new length; room for it is reserved. Less than what was computed where guesses were wrong: the next pass
    /// writes over them.</param>
    /// <param name="tokens">The sequence's tokens, at least up to there.</param>
    public void Advance(int length, ReadOnlySpan<int> tokens)
    {
        var size = _pool.PageTokens;
        for (var page = Length / size; (page + 1) * size <= length; page++)
        {
            var kept = _pages[page];
            _serial = _pool.Keep(ref kept, _serial, tokens.Slice(page * size, size));
            _checkpoints?.PageEnds((page + 1) * size, _serial);
            if (kept >= 0)
                _windows?.Keep(_windowPages[page], kept);
        }
        Length = length;
        _checkpoints?.Advance(length);
        while (_windows is not null && _windowFirst < _windows.FirstHeld(length))
            _windows.Release(_windowPages[_windowFirst++], isBehind: true);
    }

    /// <summary>Moves to <paramref name="length"/>, forward or back, with tokens that may still change: none of their pages is kept for
    /// later prompts. After rolling back, <see cref="Advance"/> continues with those that stay.</summary>
    public void Try(int length) => Length = length;

    /// <summary>Releases all pages, the last first, so that the pages others are most likely to share are evicted last. With the sequence's
    /// <paramref name="tokens"/>, the last page is kept even if it is not full: the next turn of a conversation continues in it.</summary>
    public void Release(ReadOnlySpan<int> tokens = default)
    {
        KeepTail(tokens);
        while (_pageCount > 0)
            _pool.Release(_pages[--_pageCount]);
        (Length, _serial) = (0, _root);
        _checkpoints?.Release();
        while (_windowEnd > _windowFirst)
            _windows!.Release(_windowPages[--_windowEnd], isBehind: false);
        if (_hasClaim)
            _windows!.Unclaim(_claim);
        (_windowFirst, _windowEnd, _hasClaim) = (0, 0, false);
    }

    void KeepTail(ReadOnlySpan<int> tokens)
    {
        var page = Length / _pool.PageTokens;
        var first = page * _pool.PageTokens;
        if (tokens.Length < Length || first == Length || _checkpoints?.Has(Length) == false)
            return;
        if (_windows is not null && (page < _windowFirst || page >= _windowEnd))
            return;
        var (serial, forgotten) = _pool.KeepTail(_pages[page], _serial, tokens[first..Length]);
        _checkpoints?.Keep(Length, serial);
        _cache.Recurrent?.Drop(forgotten);
        _windows?.Keep(_windowPages[page], _pages[page]);
    }

    void TakeWindow(int page)
    {
        _windowPages[_windowEnd] = page;
        _windowAddresses[_windowEnd++] = (nint)_windows!.Address(page);
    }

    void Take(int page)
    {
        _pages[_pageCount] = page;
        _addresses[_pageCount++] = (nint)_cache.Page(page);
    }
}
