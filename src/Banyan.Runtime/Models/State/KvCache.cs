using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Attention;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Threads;

namespace Banyan.Runtime.Models.State;

/// <summary>The layers' states of all sequences: keys and values in pages of 64 tokens, laid out by each layer's own shape: [pages, layers,
/// KV heads, keys then values]; and recurrent states. The pages' memory is reserved at once and touched page by page. Layers that see only
/// a window have pages of their own (<see cref="WindowPages"/>), if there are other layers beside them.</summary>
internal sealed unsafe class KvCache : IDisposable
{
    readonly AlignedBuffer _buffer;
    readonly KvLayout[] _layouts; // one a state
    readonly long[] _offsets;     // from a page's address to a state's part of it
    readonly long _pageBytes;

    /// <param name="model">The model.</param>
    /// <param name="tokens">How many tokens it is to hold; rounded up to whole pages.</param>
    public KvCache(Model model, int tokens) : this(model.Weights.States, model.Options.KvCache, tokens)
    {
    }

    /// <param name="states">The states of the layers.</param>
    /// <param name="format">How keys and values are kept.</param>
    /// <param name="tokens">How many tokens it is to hold; rounded up to whole pages.</param>
    public KvCache(IReadOnlyList<LayerState> states, KvFormat format, int tokens)
    {
        (_layouts, _offsets) = (new KvLayout[states.Count], new long[states.Count]);
        var (window, windowBytes) = (WindowOf(states), 0L);
        foreach (var state in states.OfType<KvShape>())
        {
            _layouts[state.Index] = LayoutOf(state, format);
            ref var bytes = ref state.Window > 0 && window > 0 ? ref windowBytes : ref _pageBytes;
            (_offsets[state.Index], bytes) = (bytes, bytes + _layouts[state.Index].PageBytes);
        }
        if (window > 0)
            Windows = new WindowPages(windowBytes, window, KvLayout.PagePositions);
        if (states.OfType<RecurrentShape>().Sum(s => s.Floats) is > 0 and var floats)
            Recurrent = new RecurrentStates(floats);
        Pool = new PagePool(KvLayout.Pages(tokens), KvLayout.PagePositions, Windows);
        _buffer = new AlignedBuffer(Pool.Pages * _pageBytes, zeroed: false);
    }

    /// <summary>The recurrent states; null if no layer is recurrent.</summary>
    public RecurrentStates? Recurrent { get; }

    /// <summary>The pages of layers with a window; null if there are none, or only such.</summary>
    public WindowPages? Windows { get; }

    /// <summary>Which pages are taken.</summary>
    public PagePool Pool { get; }

    /// <summary>Tokens it holds at most.</summary>
    public int Tokens => Pool.Pages * Pool.PageTokens;

    /// <summary>Of those, how many no sequence uses; some may be kept for later prompts.</summary>
    public int FreeTokens => Pool.Available * Pool.PageTokens;

    /// <summary>The address of a page.</summary>
    public byte* Page(int page) => _buffer.Pointer + page * _pageBytes;

    /// <summary>How a state's part of a page lies.</summary>
    public KvLayout Layout(KvShape state) => _layouts[state.Index];

    /// <summary>Addresses of the pages of a sequence in which a state lies.</summary>
    public byte** Pages(KvShape state, Sequence sequence) =>
        state.Window > 0 && Windows is not null ? sequence.WindowPages : sequence.Pages;

    /// <summary>From a page's address to a state's part of it.</summary>
    public long Offset(KvShape state) => _offsets[state.Index];

    /// <summary>Memory a token takes while all layers see it.</summary>
    public static long BytesPerToken(IEnumerable<LayerState> states, KvFormat format) =>
        states.OfType<KvShape>().Sum(s => LayoutOf(s, format).PageBytes) / KvLayout.PagePositions;

    /// <summary>The widest window in tokens; 0 if no layer has one, or if every layer has one, in which case all keep everything.</summary>
    public static int WindowOf(IEnumerable<LayerState> states)
    {
        int[] windows = [.. states.OfType<KvShape>().Select(s => s.Window)];
        return windows.Contains(0) ? windows.Max() : 0;
    }

    static KvLayout LayoutOf(KvShape state, KvFormat format) =>
        new(format switch { KvFormat.F32 => 32, KvFormat.F16 => 16, _ => 8 }, state.KvHeads, state.KeySize,
            state.ValueSize)
        { ValuesAreKeys = state.ValuesAreKeys };

    /// <summary>
    /// Puts the keys and values of a batch's rows, k[rows, KV heads, key size] and v[rows, KV heads, value size], into their sequences'
    /// pages.
    /// </summary>
    public void Write(KvShape state, Batch batch, float* k, float* v, WorkerPool pool)
    {
        var job = new WriteJob { Cache = this, State = state, Batch = batch, K = k, V = v };
        pool.Run(ref job, Parts.ForWork((long)batch.Count * state.KvHeads * (state.KeySize + state.ValueSize), batch.Count));
    }

    struct WriteJob : IJob
    {
        public KvCache Cache;
        public KvShape State;
        public Batch Batch;
        public float* K, V;

        public readonly void Work(int number, int parts)
        {
            const int Page = KvLayout.PagePositions;
            var (first, end) = Parts.Range(number, parts, Batch.Count);
            var (layout, offset) = (Cache.Layout(State), Cache.Offset(State));
            long keys = layout.KvHeads * layout.KeySize, values = layout.KvHeads * layout.ValueSize;
            foreach (var part in Batch.Parts)
            {
                var pages = Cache.Pages(State, part.Sequence);
                for (var row = Math.Max(first, part.First); row < Math.Min(end, part.First + part.Count); row++)
                {
                    var position = Batch.Positions[row];
                    layout.Write(pages[position / Page] + offset, position % Page, K + row * keys, V + row * values);
                }
            }
        }
    }

    public void Dispose()
    {
        _buffer.Dispose();
        Windows?.Dispose();
        Recurrent?.Dispose();
    }
}
