using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Rungs;

namespace Banyan.Runtime.Kernels.Attention;

/// <summary>
/// Some queries of one KV head that meet the pages of a run together:
/// <code>
/// 1. scores[queries, positions]  = q · kᵀ, page by page; what a query may not see is −∞
/// 2. maxima[queries]             over the whole run, and of each page
/// 3. weights[queries, 64]        = exp(score − maximum), page by page, and
///    outputs[queries, valueSize]  += weights · v
/// </code>
/// A page whose scores are all so far below the maximum that its weights would not change the last bit of the sum is skipped. Over a cache
/// of floats all of it is float. Over one of integers the queries are integers with a scale each, and so are a page's weights, after the
/// values' scales are multiplied into them: both products are exact sums of integers (<see cref="IntegerDots"/>). An exact tile takes two
/// integers for each number, the second for the residual of the first: 23 bits instead of 11.
/// </summary>
[SkipLocalsInit]
internal readonly unsafe struct AttentionTile
{
    /// <summary>Pages of a run.</summary>
    public const int RunPages = 8;

    const int Page = KvLayout.PagePositions, RunPositions = RunPages * Page;

    /// <summary>64 weights of e^−20 are 2⁻²³ of the largest, which is 1.</summary>
    const float Negligible = 20;

    readonly KvLayout _layout;
    readonly AttentionSpan _span;
    readonly float _softCap;
    readonly int _kvHead, _firstPosition, _tokens, _window, _padded, _terms;
    readonly float* _floatQueries, _queryScales, _secondScales, _scores, _second, _weightScales, _lanes, _bounds;
    readonly short* _queries, _weights, _keys, _values;

    public AttentionTile(KvLayout layout, in AttentionSpan span, int kvHead, int firstPosition, int tokens, int group, int window,
        bool exact, float softCap = 0)
    {
        _terms = exact ? 2 : 1;
        _softCap = softCap;
        (_layout, _span, _kvHead, _firstPosition, _tokens, _window) = (layout, span, kvHead, firstPosition, tokens, window);
        Queries = tokens * group;
        _padded = (Queries + IntegerDots.Queries - 1) / IntegerDots.Queries * IntegerDots.Queries;
        var stride = layout.ValueStride;

        // Everything from one piece of this thread's scratch memory; every length is a multiple of 64 bytes.
        var rows = (_padded + 15) / 16 * 16;
        var queryFloats = (_padded * (layout.IsFloat ? layout.KeySize : _terms * layout.KeyDim / 2) + 15) / 16 * 16;
        // Bytes become integers of 16 bits, and values that are keys lie as values do.
        var keyFloats = layout.Bits == 8 ? layout.KeyElements / 2 : 0;
        var unpackedFloats = keyFloats + (layout.Bits == 8 || layout.ValuesAreKeys ? layout.ValueElements / (layout.IsFloat ? 1 : 2) : 0);
        var next = (float*)Scratch.ForPart(sizeof(float) * ((long)queryFloats + unpackedFloats + 7 * rows
            + (long)_padded * (RunPositions + Page / 2 + Page + 8 + RunPages + 2 * stride)));
        _floatQueries = next;
        _queries = (short*)next;
        next += queryFloats;
        _keys = (short*)next;
        _values = (short*)(next + keyFloats);
        next += unpackedFloats;
        _queryScales = next;
        _weightScales = next + rows;
        Maxima = next + 2 * rows;
        Sums = next + 3 * rows;
        TotalMaxima = next + 4 * rows;
        TotalSums = next + 5 * rows;
        _secondScales = next + 6 * rows;
        next += 7 * rows;
        _scores = next;
        next += _padded * RunPositions;
        _weights = (short*)next;
        next += _padded * Page / 2;
        _second = next;
        next += _padded * Page;
        _lanes = next;
        next += _padded * 8;
        _bounds = next;
        next += _padded * RunPages;
        Outputs = next;
        TotalOutputs = next + _padded * stride;
    }

    /// <summary>No runs are merged yet.</summary>
    public void BeginTotals()
    {
        new Span<float>(TotalMaxima, _padded).Fill(float.NegativeInfinity);
        new Span<float>(TotalSums, _padded).Clear();
        new Span<float>(TotalOutputs, _padded * _layout.ValueStride).Clear();
    }

    /// <summary>Heads of the group × tokens: tokens of one head lie together, as they look at the same places.</summary>
    public int Queries { get; }

    /// <summary>Of the last run, for each query: the largest score, −∞ where it sees nothing of the run.</summary>
    public float* Maxima { get; }

    /// <summary>Of the last run: Σ exp(score − maximum).</summary>
    public float* Sums { get; }

    /// <summary>Of the last run: Σ exp(score − maximum) · value, [queries, stride].</summary>
    public float* Outputs { get; }

    /// <summary>For the runs merged so far, from <see cref="BeginTotals"/> on.</summary>
    public float* TotalMaxima { get; }

    /// <inheritdoc cref="TotalMaxima"/>
    public float* TotalSums { get; }

    /// <inheritdoc cref="TotalMaxima"/>
    public float* TotalOutputs { get; }

    int LastPosition => _firstPosition + _tokens - 1;

    int FirstPage => _window > 0 ? Math.Max(0, _firstPosition - _window + 1) / Page : 0;

    int EndPage => KvLayout.Pages(LastPosition + 1);

    /// <summary>The first run that a query sees any part of.</summary>
    public int FirstRun => FirstPage / RunPages;

    public int EndRun => (EndPage + RunPages - 1) / RunPages;

    /// <summary>Takes the queries [tokens, heads, keySize] of the group, scaled; the padding is 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void LoadQueries(float* from, int heads, float scale)
    {
        var keySize = _layout.KeySize;
        for (var i = 0; i < _padded; i++)
        {
            var query = from + ((long)(i % _tokens) * heads + i / _tokens) * keySize;
            if (_layout.IsFloat)
            {
                var to = _floatQueries + (long)i * keySize;
                for (var d = 0; d < keySize; d++)
                    to[d] = i < Queries ? query[d] * scale : 0;
            }
            else if (i < Queries)
                QuantizeQuery(query, scale, i);
            else
            {
                for (var term = 0; term < _terms; term++)
                    new Span<short>(Query(term, i), _layout.KeyDim).Clear();
                _queryScales[i] = _secondScales[i] = 0;
            }
        }
    }

    short* Query(int term, int i) => _queries + (long)(term * _padded + i) * _layout.KeyDim;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void QuantizeQuery(float* from, float scale, int i)
    {
        _queryScales[i] = ToIntegers(from, Query(0, i)) * scale;
        if (_terms == 1)
            return;
        var rest = stackalloc float[_layout.KeySize];
        Rest(from, Query(0, i), _queryScales[i] / scale, rest, _layout.KeySize);
        _secondScales[i] = ToIntegers(rest, Query(1, i)) * scale;
    }

    /// <summary>The residual after rounding to integers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Rest(float* from, short* integers, float scale, float* to, int count)
    {
        var d = 0;
        for (; Ladder.UsesVectors && d + 8 <= count; d += 8)
        {
            var (low, high) = Vector128.Widen(Vector128.Load(integers + d));
            (Vector256.Load(from + d) - Vector256.ConvertToSingle(Vector256.Create(low, high)) * scale).Store(to + d);
        }
        for (; d < count; d++)
            to[d] = from[d] - integers[d] * scale;
    }

    // As many bits as the sum allows; returns the scale, NaN where a number is none.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    float ToIntegers(float* from, short* to)
    {
        var (largest, sum, done) = (0f, 0f, 0);
        if (Ladder.UsesVectors)
        {
            var (maxima, sums) = (Vector256<float>.Zero, Vector256<float>.Zero);
            for (; done + 8 <= _layout.KeySize; done += 8)
            {
                var magnitudes = Vector256.Abs(Vector256.Load(from + done));
                maxima = Vector256.Max(maxima, magnitudes);
                sums += magnitudes;
            }
            largest = Softmax.LargestLane(maxima);
            sum = Vector256.Sum(sums);
        }
        for (var d = done; d < _layout.KeySize; d++)
        {
            var magnitude = MathF.Abs(from[d]);
            largest = MathF.Max(largest, magnitude);
            sum += magnitude;
        }
        if (!float.IsFinite(sum) || sum < 1e-30f)
        {
            new Span<short>(to, _layout.KeyDim).Clear();
            return float.IsFinite(sum) ? 0 : float.NaN;
        }
        // Rounding can add half to each.
        var inverse = MathF.Min(short.MaxValue / largest, (IntegerDots.MaxSum - _layout.KeyDim) / sum);
        done = 0;
        if (Ladder.UsesVectors)
            for (; done + 16 <= _layout.KeySize; done += 16)
                Vector256.Narrow(
                    Vector256.ConvertToInt32(Vector256.Round(Vector256.Load(from + done) * inverse)),
                    Vector256.ConvertToInt32(Vector256.Round(Vector256.Load(from + done + 8) * inverse))).Store(to + done);
        for (var d = done; d < _layout.KeySize; d++)
            to[d] = (short)MathF.Round(from[d] * inverse);
        if (_layout.KeyDim > _layout.KeySize)
            to[_layout.KeySize] = 0;
        return 1 / inverse;
    }

    /// <summary>Attends to the pages of a run.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int run)
    {
        var (first, end) = (Math.Max(FirstPage, run * RunPages), Math.Min(EndPage, (run + 1) * RunPages));
        for (var page = first; page < end; page++)
        {
            var scores = _scores + (page - first) * Page;
            Score(page, scores);
            for (var i = 0; _softCap > 0 && i < _padded; i++)
                FloatRows.SoftCap(scores + (long)i * RunPositions, _softCap, Page);
            if (IsMasked(page))
                for (var i = 0; i < _padded; i++)
                {
                    var (begin, stop) = Visible(i, page);
                    new Span<float>(scores + (long)i * RunPositions, begin).Fill(float.NegativeInfinity);
                    new Span<float>(scores + (long)i * RunPositions + stop, Page - stop).Fill(float.NegativeInfinity);
                }
        }
        for (var i = 0; i < _padded; i++)
        {
            var largest = float.NegativeInfinity;
            for (var page = 0; page < end - first; page++)
                largest =
                    Math.Max(largest, PageWeights.Largest(_scores + (long)i * RunPositions + page * Page, _bounds + i * RunPages + page));
            Maxima[i] = largest;
        }
        new Span<float>(_lanes, _padded * 8).Clear();
        new Span<float>(Outputs, _padded * _layout.ValueStride).Clear();
        for (var page = first; page < end; page++)
            Add(page, _scores + (page - first) * Page, _bounds + (page - first));
        for (var i = 0; i < _padded; i++)
            Sums[i] = Vector256.Sum(Vector256.Load(_lanes + 8 * i));
    }

    /// <summary>Whether some query does not see all of a page.</summary>
    bool IsMasked(int page) => (page + 1) * Page > _firstPosition + 1 || (_window > 0 && page * Page <= LastPosition - _window);

    /// <summary>The positions of a page that a query sees: from and up to.</summary>
    (int Begin, int End) Visible(int query, int page)
    {
        var own = _firstPosition + query % _tokens - page * Page;
        var end = Math.Clamp(own + 1, 0, Page);
        return (_window > 0 ? Math.Clamp(own - _window + 1, 0, end) : 0, end);
    }

    byte* Start(int page) => _span.Pages[page] + _span.PageOffset + _kvHead * _layout.HeadBytes;

    float* Scales(int page) => (float*)(Start(page) + _layout.ScaleOffset);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Score(int page, float* scores)
    {
        if (_layout.IsFloat)
        {
            var valid = Math.Min(Page, LastPosition + 1 - page * Page);
            for (var i = 0; i < _padded; i += Activations.TokenTile)
            {
                for (var row = i; row < i + Activations.TokenTile; row++)
                    new Span<float>(scores + (long)row * RunPositions, Page).Clear();
                for (var position = 0; position < valid; position += KvLayout.Lanes)
                    Ladder.Current.MultiplyFloatTile((float*)Start(page) + position * _layout.KeySize, KvLayout.Lanes, _layout.KeySize,
                        _floatQueries + (long)i * _layout.KeySize, _layout.KeySize,
                        scores + (long)i * RunPositions + position, RunPositions);
            }
            return;
        }
        var keys = (short*)Start(page);
        if (_layout.Bits == 8)
            ByteCache.WidenKeys(_layout, Start(page), keys = _keys);
        var dots = IntegerDots.Current;
        dots.Score(Query(0, 0), _layout.KeyDim, keys, _layout.KeyDim / 2, _queryScales, Scales(page), scores, RunPositions, Queries);
        if (_terms == 1)
            return;
        dots.Score(Query(1, 0), _layout.KeyDim, keys, _layout.KeyDim / 2, _secondScales, Scales(page), _second, Page, Queries);
        for (var i = 0; i < Queries; i++)
            for (var position = 0; position < Page; position += 8)
            {
                var to = scores + (long)i * RunPositions + position;
                (Vector256.Load(to) + Vector256.Load(_second + i * Page + position)).Store(to);
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Add(int page, float* scores, float* bounds)
    {
        var masked = IsMasked(page);
        var stride = _layout.ValueStride;
        var valid = Math.Min(Page, LastPosition + 1 - page * Page);
        if (_layout.IsFloat)
        {
            for (var i = 0; i < _padded; i++)
                PageWeights.Exp(scores + (long)i * RunPositions, Finite(Maxima[i]), _lanes + 8 * i);
            var values = (float*)Start(page) + _layout.KeyElements;
            if (_layout.ValuesAreKeys)
                SharedValues.Transpose(_layout, (float*)Start(page), values = (float*)_values);
            for (var i = 0; i < _padded; i += Activations.TokenTile)
                for (var d = 0; d < stride; d += KvLayout.Lanes)
                    Ladder.Current.MultiplyFloatTile(values + d, stride, valid, scores + (long)i * RunPositions, RunPositions,
                        Outputs + (long)i * stride + d, stride);
            return;
        }
        var integers = (short*)Start(page) + _layout.KeyElements;
        if (_layout.ValuesAreKeys)
        {
            if (_layout.Bits == 8)
                ByteCache.WidenKeys(_layout, Start(page), _keys);
            SharedValues.Transpose(_layout, _layout.Bits == 8 ? _keys : (short*)Start(page), integers = _values);
        }
        else if (_layout.Bits == 8)
            ByteCache.WidenValues(_layout, Start(page), integers = _values);
        var dots = IntegerDots.Current;
        var valueScales = Scales(page) + (_layout.ValuesAreKeys ? 0 : Page);
        if (_terms == 1)
        {
            AddWeighed(dots, scores, bounds, valueScales, integers, valid, masked, page);
            return;
        }
        for (var i = 0; i < Queries; i++)
        {
            var (begin, end) = masked ? Visible(i, page) : (0, Page);
            PageWeights.Exp(scores + (long)i * RunPositions, Finite(Maxima[i]), _lanes + 8 * i);
            PageWeights.ApplyScales(scores + (long)i * RunPositions, valueScales, begin, end);
        }
        for (var term = 0; term < _terms; term++)
        {
            for (var i = 0; i < Queries; i++)
                _weightScales[i] = PageWeights.Quantize(scores + (long)i * RunPositions, _weights + (long)i * Page, rest: true);
            dots.Add(_weights, Page, integers, (valid + 1) / 2, stride, _weightScales, Outputs, Queries);
        }
    }

    // Queries go by fours, as the narrower products do; where none of the four needs the page, it is not read for them. One among others
    // that does not has the scale 0: what a query gets is the same in any company.
    void AddWeighed(IntegerDots dots, float* scores, float* bounds, float* valueScales, short* integers, int valid, bool masked, int page)
    {
        var (pairs, from) = ((valid + 1) / 2, -1);
        // what is no number is never left out
        var negligible = PageWeights.AreNumbers(valueScales, valid) ? Negligible : float.PositiveInfinity;
        for (var four = 0; four < Queries; four += IntegerDots.Queries)
        {
            var (end, needed) = (Math.Min(four + IntegerDots.Queries, Queries), 0);
            for (var i = four; i < end; i++)
            {
                _weightScales[i] = 0;
                needed += bounds[i * RunPages] < Maxima[i] - negligible ? 0 : 1;
            }
            if (needed == IntegerDots.Queries && !masked)
                dots.WeighFour(scores + (long)four * RunPositions, RunPositions, Maxima + four, _lanes + 8 * four, valueScales,
                    _weights + (long)four * Page, _weightScales + four);
            else
                for (var i = four; i < end && needed > 0; i++)
                    if (!(bounds[i * RunPages] < Maxima[i] - negligible))
                    {
                        var (first, last) = masked ? Visible(i, page) : (0, Page);
                        _weightScales[i] = dots.Weigh(scores + (long)i * RunPositions, Finite(Maxima[i]), _lanes + 8 * i, valueScales,
                            first, last, _weights + (long)i * Page);
                    }
            if (needed > 0 && from < 0)
                from = four;
            if (needed == 0 && from >= 0)
            {
                Add(dots, integers, pairs, from, four);
                from = -1;
            }
        }
        if (from >= 0)
            Add(dots, integers, pairs, from, Queries);
    }

    void Add(IntegerDots dots, short* integers, int pairs, int from, int end) =>
        dots.Add(_weights + from * Page, Page, integers, pairs, _layout.ValueStride, _weightScales + from,
            Outputs + from * (nint)_layout.ValueStride, end - from);

    // −∞ − −∞ would be no number; −∞ − 0 gives the weight 0 that it should.
    public static float Finite(float maximum) => float.IsNegativeInfinity(maximum) ? 0 : maximum;
}
