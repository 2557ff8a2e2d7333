using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Kernels.Threads;

namespace Banyan.Runtime.Kernels.Matrices;

/// <summary>
/// The feed-forward layers of many experts at once: x[row] += Σ share · down(silu(gate(row)) · up(row)) over the experts that a row goes
/// to.
/// <code>
/// slots    (row, place) sorted by expert, so that an expert's rows lie together
/// gated    a part is an expert, or some of its columns: its rows are gathered, meet gate and up, and are activated into hidden[slots, feedForward]
/// down     a part is a range of columns of x: every expert's slots meet it in order, and are added where they belong
/// </code>
/// Threads wait for each other twice, however many experts there are, and a row's result does not depend on the other rows.
/// </summary>
internal sealed unsafe class ExpertLinear : IDisposable
{
    /// <summary>Parts per thread, if there are that many, so that no thread waits long for the last one.</summary>
    const int PartsPerThread = 8;

    /// <summary>Panels of a part of the last product: they share the slots' activations in the second-level cache.</summary>
    const int DownPanels = 4;

    /// <summary>Up to the given number of rows of all experts together, reading the experts takes longest.</summary>
    const int FewSlots = 128;

    /// <summary>Bytes of the next expert's first panel that are prefetched.</summary>
    const int AskedBytes = 12 * 1024;

    readonly record struct Part(int Expert, int FirstBlock, int EndBlock);

    readonly int _used;
    readonly WorkerPool _pool;
    readonly bool _exact;
    readonly ExpertUnit _unit;
    readonly Rung _rung;
    readonly Activations _hidden;
    readonly int[] _firstSlot;   // [experts + 1]
    readonly int[] _slots;       // row · used + place
    readonly Part[] _parts, _sorted;
    readonly int[] _work;        // what a part takes, negative: the largest come first
    readonly int[] _order;       // experts that are used
    AlignedBuffer? _inputPairs, _hiddenPairs;

    // What is computed now.
    Activations _input = null!;
    PackedMatrix[] _gate = null!, _up = null!, _down = null!;
    float[] _shares = null!;
    ExpertBiases _biases;
    float* _x;

    /// <param name="rows">The most rows.</param>
    /// <param name="experts">How many there are.</param>
    /// <param name="used">How many a row goes to.</param>
    /// <param name="feedForward">An expert's width.</param>
    /// <param name="pool">Who works.</param>
    /// <param name="exact">Activations stay floats.</param>
    /// <param name="rung">The kernels.</param>
    /// <param name="unit">What they compute between gate, up and down.</param>
    public ExpertLinear(int rows, int experts, int used, int feedForward, WorkerPool pool, bool exact, Rung? rung = null,
        ExpertUnit unit = default)
    {
        _unit = unit;
        (_used, _pool, _exact, _rung) = (used, pool, exact, rung ?? Ladder.Current);
        _hidden = new Activations(rows * used, feedForward);
        _firstSlot = new int[experts + 1];
        _slots = new int[rows * used];
        _order = new int[experts];
        // At least one part an expert, and as many as make all of them end together.
        var blocks = (feedForward + ActivationBlock.Columns - 1) / ActivationBlock.Columns;
        var parts = experts
            + Math.Max(PartsPerThread * pool.Threads, new ShrinkingParts(Math.Min(experts, FewSlots) * blocks, pool.Threads, 1).Count);
        (_parts, _sorted, _work) = (new Part[parts], new Part[parts], new int[parts]);
    }

    /// <summary>
    /// Adds to x[rows, embedding] what the experts make of <paramref name="input"/>, which is quantized unless all is exact.
    /// <paramref name="chosen"/> and <paramref name="shares"/> are [rows, used]. <paramref name="read"/> is this product's place among the
    /// reads.
    /// </summary>
    public void Run(Activations input, int rows, int[] chosen, float[] shares, PackedMatrix[] gate, PackedMatrix[] up, PackedMatrix[] down,
        float* x, WeightRead? read = null,
        ExpertBiases biases = default)
    {
        _biases = biases;
        (_input, _gate, _up, _down, _shares) = (input, gate, up, down, shares);
        _x = x;
        Sort(chosen, rows);
        if (Form(gate[0]) == OperandForm.Pairs || Form(up[0]) == OperandForm.Pairs)
            Operand.RoundToPairs(_rung, input, 0, rows, Pairs(ref _inputPairs, input.MaxTokens, input.Columns), _pool);
        if (Form(down[0]) == OperandForm.Pairs)
            Pairs(ref _hiddenPairs, _hidden.MaxTokens, _hidden.Columns);
        var slots = rows * _used;
        var last = new DownJob { Experts = this, IsFew = slots <= FewSlots };
        if (last.IsFew)
            last.Cut = Product.Cut(down[0].Panels, slots * down[0].PanelBytes, _pool.Threads);
        PlanDown(last.Cut);
        var gated = new GatedJob { Experts = this };
        _pool.Run(ref gated, MakeParts(slots));
        _pool.Ahead.Clear();
        read?.PlanNext(_pool);
        _pool.Run(ref last, last.IsFew ? last.Cut.Count : Math.Max(down[0].Panels / DownPanels, 1));
    }

    // What the last product reads first, if only reading takes time: panels of the first expert that is used, where each thread begins.
    void PlanDown(ShrinkingParts cut)
    {
        _pool.Ahead.Clear();
        var expert = UsedFrom(0);
        for (var part = 0; part < Math.Min(_pool.Threads, cut.Count); part++)
            _pool.Ahead.Add(_down[expert].Panel(cut[part].First), (cut[part].End - cut[part].First) * _down[expert].PanelBytes);
    }

    OperandForm Form(PackedMatrix w) => Product.FormFor(_rung, w.Format, terms: 1, _exact);

    static ushort* Pairs(ref AlignedBuffer? buffer, int rows, int columns) =>
        (ushort*)(buffer ??= new AlignedBuffer(Activations.PaddedRows(rows) * Operand.PairStride(columns) * sizeof(ushort),
            zeroed: false)).Pointer;

    void Sort(int[] chosen, int rows)
    {
        Array.Clear(_firstSlot);
        for (var i = 0; i < rows * _used; i++)
            _firstSlot[chosen[i] + 1]++;
        for (var expert = 1; expert < _firstSlot.Length; expert++)
            _firstSlot[expert] += _firstSlot[expert - 1];
        for (var i = rows * _used - 1; i >= 0; i--)
            _slots[--_firstSlot[chosen[i] + 1]] = i;
        // Each entry has moved from its expert's end to its beginning.
        Array.Copy(_firstSlot, 1, _firstSlot, 0, _firstSlot.Length - 1);
        _firstSlot[^1] = rows * _used;
    }

    int MakeParts(int slots)
    {
        var blocks = (_hidden.Columns + ActivationBlock.Columns - 1) / ActivationBlock.Columns;
        var count = 0;
        if (slots <= FewSlots)
            return MakeShrinkingParts(blocks);
        for (var expert = 0; expert < _firstSlot.Length - 1; expert++)
        {
            var rows = _firstSlot[expert + 1] - _firstSlot[expert];
            if (rows == 0)
                continue;
            // An expert with many of the rows is divided; the parts of all are at most one each and these.
            var pieces = (int)Math.Clamp((long)rows * PartsPerThread * _pool.Threads / slots, 1, blocks);
            for (var piece = 0; piece < pieces; piece++)
            {
                var (first, end) = Parts.Range(piece, pieces, blocks);
                _work[count] = -rows * (end - first);
                _sorted[count++] = new Part(expert, first, end);
            }
        }
        Order(count);
        return count;
    }

    // The largest, the smallest, the second largest, the second smallest, …: with many rows the products take longest, with few the
    // reading, so one thread reads while the other multiplies; and what is left for the end is of the middle, so that nobody waits long for
    // the last.
    void Order(int count)
    {
        Array.Sort(_work, _sorted, 0, count);
        for (var i = 0; i < count; i++)
            _parts[i] = _sorted[i % 2 == 0 ? i / 2 : count - 1 - i / 2];
    }

    // The blocks of all experts that are used, one after the other, in parts that get smaller; where one ends is a cut too.
    int MakeShrinkingParts(int blocks)
    {
        var used = 0;
        for (var expert = UsedFrom(0); expert < _firstSlot.Length - 1; expert = UsedFrom(expert + 1))
            _order[used++] = expert;
        var cut = Product.Cut(used * blocks, (_gate[0].Bytes + _up[0].Bytes) / blocks, _pool.Threads);
        var count = 0;
        for (var part = 0; part < cut.Count; part++)
            for (var (first, end) = cut[part]; first < end;)
            {
                var (place, block) = Math.DivRem(first, blocks);
                var take = Math.Min(end - first, blocks - block);
                _parts[count++] = new Part(_order[place], block, block + take);
                first += take;
            }
        return count;
    }

    struct GatedJob : IJob
    {
        public ExpertLinear Experts;

        public readonly void Work(int part, int parts)
        {
            var (expert, firstBlock, endBlock) = Experts._parts[part];
            for (var slot = Experts._firstSlot[expert]; slot < Experts._firstSlot[expert + 1]; slot += Product.MaxRows)
                Experts.Gated(expert, slot, Math.Min(Product.MaxRows, Experts._firstSlot[expert + 1] - slot), firstBlock, endBlock);
        }
    }

    /// <summary>hidden[slots, 32 · blocks] = silu(gate) · up of an expert.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Gated(int expert, int slot, int count, int firstBlock, int endBlock)
    {
        const int Panels = ActivationBlock.Columns / PackedFormat.Rows;
        var (gate, up) = (_gate[expert], _up[expert]);
        var (gateForm, upForm) = (Form(gate), Form(up));
        var rowBytes = Math.Max(RowBytes(gateForm), RowBytes(upForm));
        var padded = (count + Activations.TokenTile - 1L) / Activations.TokenTile * Activations.TokenTile;
        // Where all columns do not fit the cache at once, panels share ranges of them; the sums are sized by the larger need.
        var sums = (int)padded * PackedFormat.Rows * Panels * (endBlock - firstBlock);
        var work = Scratch.ForPart(Product.WorkBytes + 2 * padded * rowBytes + 2L * sums * sizeof(float));
        var gateRows = Gather(gateForm, slot, count, work + Product.WorkBytes + 2L * sums * sizeof(float));
        var upRows = upForm == gateForm ? gateRows
            : Gather(upForm, slot, count, work + Product.WorkBytes + 2L * sums * sizeof(float) + padded * rowBytes);
        var (gateProduct, upProduct) = (new Product(_rung, gateRows, gate.Format, count, _exact),
            new Product(_rung, upRows, up.Format, count, _exact));
        var g = (float*)(work + Product.WorkBytes);
        var u = g + sums;
        var step = Math.Max(gateProduct.BlocksInTurn(endBlock - firstBlock), upProduct.BlocksInTurn(endBlock - firstBlock));
        for (var block = firstBlock; block < endBlock; block += step)
        {
            var end = Math.Min(Math.Min(block + step, endBlock) * Panels, gate.Panels);
            gateProduct.Sum(gate, block * Panels, end, work, g);
            if (_unit.Activation != GateActivation.SquaredRelu) // without a gate both are up
                upProduct.Sum(up, block * Panels, end, work, u);
            for (var panel = block * Panels; panel < end; panel++)
                Activate(expert, g + (panel - block * Panels) * gateProduct.SumsPerPanel,
                    (_unit.Activation == GateActivation.SquaredRelu ? g : u) + (panel - block * Panels) * upProduct.SumsPerPanel, slot,
                    count, panel * PackedFormat.Rows);
            Quantize(slot, count, block, Math.Min(block + step, endBlock));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Activate(int expert, float* gate, float* up, int slot, int count, int column)
    {
        var columns = Math.Min(PackedFormat.Rows, _hidden.Columns - column);
        var at = (long)expert * _hidden.Columns + column;
        for (var i = 0; i < count; i++, gate += PackedFormat.Rows, up += PackedFormat.Rows)
        {
            if (_unit.ScalesInput) // the products are linear
            {
                Scale.Apply(gate, _shares[_slots[slot + i]], columns);
                Scale.Apply(up, _shares[_slots[slot + i]], columns);
            }
            for (var c = 0; _biases.Up is not null && c < columns; c++)
                (gate[c], up[c]) = (gate[c] + _biases.Gate[at + c], up[c] + _biases.Up[at + c]);
            GatedUnit.Row(_unit.Activation, gate, up, _hidden.Row(slot + i) + column, columns);
        }
    }

    /// <summary>Blocks of the activated rows in the form that the last product needs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Quantize(int slot, int count, int firstBlock, int endBlock)
    {
        var form = Form(_down[0]);
        var column = firstBlock * ActivationBlock.Columns;
        for (var i = slot; i < slot + count; i++)
            if (form == OperandForm.Blocks)
                _hidden.QuantizeBlocks(_rung, i, firstBlock, Math.Min(endBlock, _hidden.BlocksPerRow) - firstBlock);
            else if (form == OperandForm.Pairs)
                Operand.RoundToPairs(_rung, _hidden.Row(i), column, Math.Min(endBlock * ActivationBlock.Columns, _hidden.Columns),
                    (ushort*)_hiddenPairs!.Pointer + (long)i * Operand.PairStride(_hidden.Columns));
    }

    long RowBytes(OperandForm form) => form switch
    {
        OperandForm.Blocks => (long)_input.BlocksPerRow * ActivationBlock.Bytes,
        OperandForm.Pairs => Operand.PairStride(_input.Columns) * sizeof(ushort),
        _ => (long)_input.Columns * sizeof(float),
    };

    byte* Rows(OperandForm form) => form switch
    {
        OperandForm.Blocks => (byte*)_input.Blocks,
        OperandForm.Pairs => _inputPairs!.Pointer,
        _ => (byte*)_input.Rows,
    };

    /// <summary>The rows of slots, one after the other.</summary>
    Operand Gather(OperandForm form, int slot, int count, byte* to)
    {
        var from = Rows(form);
        var bytes = RowBytes(form);
        if (count == 1)
            to = from + _slots[slot] / _used * bytes;
        else
            for (var i = 0; i < count; i++)
                Buffer.MemoryCopy(from + _slots[slot + i] / _used * bytes, to + i * bytes, bytes, bytes);
        return new Operand { Columns = _input.Columns, Terms = 1, Blocks = (ActivationBlock*)to, Rows = (float*)to, Pairs = (ushort*)to };
    }

    struct DownJob : IJob
    {
        public ExpertLinear Experts;
        public bool IsFew;
        public ShrinkingParts Cut;

        public readonly void Work(int part, int parts)
        {
            var (first, end) = IsFew ? Cut[part] : Parts.Range(part, parts, Experts._down[0].Panels);
            for (var expert = Experts.UsedFrom(0); expert < Experts._down.Length; expert = Experts.UsedFrom(expert + 1))
            {
                // Parts go from expert to expert, where no prefetcher follows: the panel that comes next is asked for one expert ahead.
                if (Experts.UsedFrom(expert + 1) is var next && next < Experts._down.Length)
                    ReadAhead.Ask(Experts._down[next].Panel(first), Math.Min(Experts._down[next].PanelBytes, AskedBytes));
                for (var slot = Experts._firstSlot[expert]; slot < Experts._firstSlot[expert + 1]; slot += Product.MaxRows)
                    Experts.Down(expert, slot, Math.Min(Product.MaxRows, Experts._firstSlot[expert + 1] - slot), first, end);
            }
        }
    }

    // The next expert that rows go to.
    int UsedFrom(int expert)
    {
        while (expert < _firstSlot.Length - 1 && _firstSlot[expert + 1] == _firstSlot[expert])
            expert++;
        return expert;
    }

    /// <summary>x[rows of slots, columns of panels] += share · down(hidden).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Down(int expert, int slot, int count, int first, int end)
    {
        var down = _down[expert];
        var x = new Operand(_hidden, slot);
        if (_hiddenPairs is not null)
            x.Pairs = (ushort*)_hiddenPairs.Pointer + (long)slot * Operand.PairStride(_hidden.Columns);
        var product = new Product(_rung, x, down.Format, count, _exact);
        var step = product.HasRanges ? end - first : product.PanelsTogether;
        var work = Scratch.ForPart(Product.WorkBytes + (long)step * product.SumsPerPanel * sizeof(float));
        var sums = (float*)(work + Product.WorkBytes);
        for (var panel = first; panel < end; panel += step)
        {
            var panels = Math.Min(step, end - panel);
            product.Sum(down, panel, panel + panels, work, sums);
            for (var i = 0; i < panels; i++)
                Scatter(expert, sums + i * product.SumsPerPanel, slot, count, (panel + i) * PackedFormat.Rows, down.Rows);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Scatter(int expert, float* sums, int slot, int count, int column, int columns)
    {
        for (var i = slot; i < slot + count; i++, sums += PackedFormat.Rows)
        {
            var share = _unit.ScalesInput ? 1 : _shares[_slots[i]];
            for (var c = 0; _biases.Down is not null && c < Math.Min(PackedFormat.Rows, columns - column); c++)
                sums[c] += _biases.Down[(long)expert * columns + column + c];
            var to = _x + (long)(_slots[i] / _used) * columns + column;
            if (column + PackedFormat.Rows <= columns)
                (Vector512.Load(to) + Vector512.Load(sums) * share).Store(to);
            else
                for (var c = 0; c < columns - column; c++)
                    to[c] += sums[c] * share;
        }
    }

    public void Dispose()
    {
        _hidden.Dispose();
        _inputPairs?.Dispose();
        _hiddenPairs?.Dispose();
    }
}
