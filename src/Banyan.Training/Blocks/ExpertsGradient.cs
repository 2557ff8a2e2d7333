using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Runtime.Models.Blocks;
using Banyan.Training.Kernels;
using Banyan.Training.Passes;

namespace Banyan.Training.Blocks;

/// <summary>
/// A feed-forward of many experts and its backward pass. Routing has no gradient: the choice of experts counts as a constant, and the
/// gradient reaches the router through the shares of the chosen ones:
/// <code>
/// p = softmax(router·x)      share = p of the chosen, ÷ their sum where shares are normalized
/// y = Σ share · expert(x)    dshare = dy · expert(x)
/// </code>
/// </summary>
internal sealed unsafe class ExpertsGradient : BlockGradient
{
    readonly Runtime.Models.Experts _shape;
    readonly LinearGradient _router;
    readonly LinearGradient[] _gate, _up, _down;
    readonly int _columns, _feedForward;
    readonly int[] _chosen, _rows, _starts, _places; // chosen and places: [rows, used]; rows: of each place, expert by expert
    readonly Slot _p, _shares, _g, _u;                                        // kept; shares [rows, used]
    readonly Slot _dp, _dShares, _x, _dx, _y, _hidden, _dHidden;              // borrowed, by place

    public ExpertsGradient(MixtureOfExperts block, GradientBuilder at)
    {
        (_shape, _columns, _feedForward) = (block.Shape, block.Columns, block.Experts.Of(0).Gate.Rows);
        var places = checked(at.Rows * _shape.Used);
        _router = at.Linear(block.Router);
        var share = (double)_shape.Used / _shape.Count;
        var (gate, up, down) = block.Experts.Of(0);
        var (gatePlaces, upPlaces, downPlaces) = (at.PlacesOf(gate, places), at.PlacesOf(up, places), at.PlacesOf(down, places));
        _gate = [.. Enumerable.Range(0, _shape.Count).Select(e => at.Linear(block.Experts.Of(e).Gate, gatePlaces, e, share))];
        _up = [.. Enumerable.Range(0, _shape.Count).Select(e => at.Linear(block.Experts.Of(e).Up, upPlaces, e, share))];
        _down = [.. Enumerable.Range(0, _shape.Count).Select(e => at.Linear(block.Experts.Of(e).Down, downPlaces, e, share))];
        (_chosen, _rows, _places) = (new int[places], new int[places], new int[places]);
        _starts = new int[_shape.Count + 1];
        (_p, _shares) = (at.Keep(_shape.Count), at.Keep(_shape.Used));
        (_g, _u) = (at.Keep((long)_shape.Used * _feedForward), at.Keep((long)_shape.Used * _feedForward));
        (_dp, _dShares) = (at.Borrow(_shape.Count), at.Borrow(_shape.Used));
        var columns = (long)_shape.Used * _columns;
        (_x, _dx, _y) = (at.Borrow(columns), at.Borrow(columns), at.Borrow(columns));
        (_hidden, _dHidden) = (at.Borrow((long)_shape.Used * _feedForward), at.Borrow((long)_shape.Used * _feedForward));
    }

    public override void Forward(TrainingPass pass, float* input, float* output)
    {
        var places = pass.Rows * _shape.Used;
        _router.Forward(pass, input, _p.Floats, pass.Rows);                    // p [rows, experts]
        Route(pass.Rows);                                                      // shares [rows, used]
        Gather(pass, input, _x.Floats);                                        // x [places, embedding], expert by expert
        for (var e = 0; e < _shape.Count; e++)
        {
            var (first, count) = (_starts[e], _starts[e + 1] - _starts[e]);
            _gate[e].Forward(pass, X(first), G(first), count, first);
            _up[e].Forward(pass, X(first), U(first), count, first);
        }
        Gating.Forward(_g.Floats, _u.Floats, _hidden.Floats, (long)places * _feedForward, GateActivation.Silu, pass.Pool);
        for (var e = 0; e < _shape.Count; e++)
        {
            var (first, count) = (_starts[e], _starts[e + 1] - _starts[e]);
            _down[e].Forward(pass, Hidden(first), output is null ? null : _y.Floats + (long)first * _columns, count, first);
        }
        if (output is not null)
            Scatter(pass, _y.Floats, output, shares: true);
    }

    public override void Backward(TrainingPass pass, float* input, float* dOutput, float* dInput)
    {
        var places = pass.Rows * _shape.Used;
        Gather(pass, input, _x.Floats);
        Gather(pass, dOutput, _y.Floats);                                      // y: the gradient of each place's output
        for (var i = 0; i < places; i++)
            Scale.Apply(_y.Floats + (long)_places[i] * _columns, _shares.Floats[i], _columns);
        Gating.Forward(_g.Floats, _u.Floats, _hidden.Floats, (long)places * _feedForward, GateActivation.Silu, pass.Pool);
        for (var e = 0; e < _shape.Count; e++)
        {
            var (first, count) = (_starts[e], _starts[e + 1] - _starts[e]);
            _down[e].Backward(pass, Hidden(first), _y.Floats + (long)first * _columns, DHidden(first), count, first);
        }
        RouteBack(pass.Rows);                                                  // from hidden · dHidden: dp [rows, experts]
        Gating.Backward(_g.Floats, _u.Floats, _dHidden.Floats, (long)places * _feedForward, GateActivation.Silu, pass.Pool);
        for (var e = 0; e < _shape.Count; e++)
        {
            var (first, count) = (_starts[e], _starts[e + 1] - _starts[e]);
            var dx = dInput is null ? null : _dx.Floats + (long)first * _columns;
            _gate[e].Backward(pass, X(first), G(first), dx, count, first);
            _up[e].Backward(pass, X(first), U(first), dx, count, first, add: true);
        }
        _router.Backward(pass, input, _dp.Floats, dInput, pass.Rows);
        if (dInput is not null)
            Scatter(pass, _dx.Floats, dInput, shares: false);
    }

    float* X(int place) => _x.Floats + (long)place * _columns;

    float* G(int place) => _g.Floats + (long)place * _feedForward;

    float* U(int place) => _u.Floats + (long)place * _feedForward;

    float* Hidden(int place) => _hidden.Floats + (long)place * _feedForward;

    float* DHidden(int place) => _dHidden.Floats + (long)place * _feedForward;

    // Chooses, and sorts the rows by expert.
    void Route(int rows)
    {
        var (used, count) = (_shape.Used, _shape.Count);
        for (var row = 0; row < rows; row++)
        {
            var p = new Span<float>(_p.Floats + (long)row * count, count);
            Softmax.Apply(_p.Floats + (long)row * count, count);
            var chosen = _chosen.AsSpan(row * used, used);
            var shares = new Span<float>(_shares.Floats + (long)row * used, used);
            var sum = 0f;
            for (var place = 0; place < used; place++)
            {
                var best = -1;
                for (var e = 0; e < count; e++)
                    if ((best < 0 || p[e] > p[best]) && !chosen[..place].Contains(e))
                        best = e;
                (chosen[place], shares[place]) = (best, p[best]);
                sum += p[best];
            }
            if (_shape.NormalizeWeights)
                foreach (ref var share in shares)
                    share /= sum;
        }
        Array.Clear(_starts);
        foreach (var e in _chosen.AsSpan(0, rows * used))
            _starts[e + 1]++;
        for (var e = 0; e < count; e++)
            _starts[e + 1] += _starts[e];
        for (var i = 0; i < rows * used; i++)
        {
            var place = _starts[_chosen[i]]++;
            (_rows[place], _places[i]) = (i / used, place);
        }
        for (var e = count; e > 0; e--)
            _starts[e] = _starts[e - 1];
        _starts[0] = 0;
    }

    // The gradient of the shares, through their normalization and the softmax.
    void RouteBack(int rows)
    {
        var (used, count) = (_shape.Used, _shape.Count);
        for (var row = 0; row < rows; row++)
        {
            float* p = _p.Floats + (long)row * count, dp = _dp.Floats + (long)row * count;
            float* shares = _shares.Floats + (long)row * used, dShares = _dShares.Floats + (long)row * used;
            double mean = 0, sum = 0, along = 0;
            for (var i = 0; i < used; i++)
            {
                var place = _places[row * used + i];
                // dHidden was computed with the share in it: hidden · dHidden = share · (dy · expert(x)).
                double dot = 0;
                for (var c = 0; c < _feedForward; c++)
                    dot += (double)Hidden(place)[c] * DHidden(place)[c];
                dShares[i] = shares[i] == 0 ? 0 : (float)(dot / shares[i]);
                mean += (double)dShares[i] * shares[i];
                sum += p[_chosen[row * used + i]];
            }
            new Span<float>(dp, count).Clear();
            for (var i = 0; i < used; i++)
            {
                var e = _chosen[row * used + i];
                dp[e] = _shape.NormalizeWeights ? (float)((dShares[i] - mean) / sum) : dShares[i];
                along += (double)dp[e] * p[e];
            }
            for (var e = 0; e < count; e++)
                dp[e] = (float)(p[e] * (dp[e] - along));
        }
    }

    void Gather(TrainingPass pass, float* from, float* to)
    {
        var job = new GatherJob { Rows = _rows, From = from, To = to, Count = pass.Rows * _shape.Used, Columns = _columns };
        pass.Pool.Run(ref job, Parts.ForWork((long)job.Count * _columns, job.Count));
    }

    // output[row] += its places, in the order in which they were chosen.
    void Scatter(TrainingPass pass, float* from, float* output, bool shares)
    {
        var job = new ScatterJob
        {
            Places = _places,
            From = from,
            Shares = shares ? _shares.Floats : null,
            To = output,
            Rows = pass.Rows,
            Used = _shape.Used,
            Columns = _columns,
        };
        pass.Pool.Run(ref job, Parts.ForWork((long)pass.Rows * _shape.Used * _columns, pass.Rows));
    }

    struct GatherJob : IJob
    {
        public int[] Rows;
        public float* From, To;
        public int Count, Columns;

        public readonly void Work(int part, int parts)
        {
            var (first, end) = Parts.Range(part, parts, Count);
            for (var place = first; place < end; place++)
                new Span<float>(From + (long)Rows[place] * Columns, Columns).CopyTo(new Span<float>(To + (long)place * Columns, Columns));
        }
    }

    struct ScatterJob : IJob
    {
        public int[] Places;
        public float* From, Shares, To;
        public int Rows, Used, Columns;

        public readonly void Work(int part, int parts)
        {
            var (first, end) = Parts.Range(part, parts, Rows);
            for (var i = first * Used; i < end * Used; i++)
            {
                float* from = From + (long)Places[i] * Columns, to = To + (long)(i / Used) * Columns;
                var share = Shares is null ? 1 : Shares[i];
                for (var c = 0; c < Columns; c++)
                    to[c] += share * from[c];
            }
        }
    }
}
