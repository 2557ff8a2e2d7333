using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Runtime.Models.Projections;
using Banyan.Training.Kernels;
using Banyan.Training.Matrices;
using Banyan.Training.Parameters;
using Banyan.Training.Passes;

namespace Banyan.Training.Blocks;

/// <summary>
/// A projection and its backward pass. Its weight is frozen, in whatever format the model has it; or frozen with an adapter beside it; or
/// trained as a whole:
/// <code>
/// y = scale · W·x + bias                                     frozen or trained
/// y = scale · (W·x + s · B·(A·x)) + bias                     LoRA
/// y = scale · m/‖W + s·B·A‖ ⊙ (W·x + s · B·(A·x)) + bias     DoRA; the norm of each row counts as a constant, as its paper says in 4.3
/// </code>
/// </summary>
internal sealed unsafe class LinearGradient
{
    readonly Projection _projection;
    readonly LinearPlaces _places;
    readonly Parameter? _weight, _bias, _a, _b, _magnitude;
    readonly Slot _gain, _inverseNorm, _squares; // [rows] each: DoRA's scale · m/‖…‖, scale/‖…‖ and ‖W‖²
    readonly float _scale;

    public LinearGradient(Projection projection, GradientBuilder at, LinearPlaces places, int? expert)
    {
        (_projection, _places, _scale) = (projection, places, at.Options.Scale);
        var (rows, columns) = (projection.Rows, projection.Columns);
        Expert = expert;
        Name = expert is null ? projection.Name : $"{projection.Name}[{expert}]";
        if (at.Adapts(projection))
        {
            var options = at.Options;
            // Parts of one matrix in the file share A: together they are one adapter of it, as PEFT and GGUF have it.
            _a = at.Parameters.Add($"{Whole}.lora_a", options.Rank, columns, ParameterKind.Matrix, p => Start.Kaiming(p, options.Seed));
            _b = at.Parameters.Add($"{Name}.lora_b", rows, options.Rank, ParameterKind.Matrix, p => p.Values.Clear());
            at.Adapted.Add(this);
            if (options.Method != TuneMethod.Dora)
                return;
            (_gain, _inverseNorm, _squares) = (at.Lasting.Take(rows), at.Lasting.Take(rows), at.Lasting.Take(rows));
            _magnitude = at.Parameters.Add($"{Name}.lora_magnitude", 1, rows, ParameterKind.Vector, StartMagnitude);
            (Product, Square) = (at.Lasting.Take((long)rows * options.Rank), at.Lasting.Take((long)options.Rank * options.Rank));
            at.Prepared.Add(this);
        }
        else if (at.IsTrained && !at.Options.HasAdapters)
        {
            var options = at.Options;
            _weight = at.Parameters.Add(Name, rows, columns, ParameterKind.Matrix, p => Start.Weight(p, projection, options, at.Layers));
            if (projection.Bias is not null)
                _bias = at.Parameters.Add(BiasName, 1, rows, ParameterKind.Vector, p => Start.Bias(p, projection, options));
        }
    }

    /// <summary>The tensor's name in GGUF; for experts with their number: <c>blk.0.ffn_up_exps.weight[3]</c>.</summary>
    public string Name { get; }

    /// <summary>The file's tensor, of which this may be some rows: without <c>#first</c>.</summary>
    public string Whole => Name.IndexOf('#') is var part and >= 0 ? Name[..part] : Name;

    public Projection Projection => _projection;

    /// <summary>Which expert it is of; null if there are none.</summary>
    public int? Expert { get; }

    /// <summary>Whether the backward pass reads the input.</summary>
    public bool NeedsInput => _weight is not null || _a is not null;

    /// <summary>The adapter, if there is one.</summary>
    public (Parameter A, Parameter B, Parameter? Magnitude)? Adapter => _a is null ? null : (_a, _b!, _magnitude);

    Slot Product { get; }

    Slot Square { get; }

    string BiasName => Name.Replace(".weight", ".bias", StringComparison.Ordinal);

    /// <summary>
    /// y[rows, outputs] = or += the projection of x. If output is null, only what the backward pass needs is computed.
    /// <paramref name="first"/>: the first row of its places, where projections share them.
    /// </summary>
    public void Forward(TrainingPass pass, float* x, float* y, int rows, int first = 0, bool add = false)
    {
        if (rows == 0)
            return;
        var adapts = _a is not null && !pass.IsBase;
        if (adapts && _magnitude is not null)
        {
            var result = _places.Result.Floats + (long)first * _projection.Rows;
            Multiply(pass, x, result, rows, 1, add: false, Adapt(pass, x, rows, first, _scale));
            if (y is not null)
                RowScales.Apply(result, _gain.Floats, y, rows, _projection.Rows, add, pass.Pool);
        }
        else
        {
            var adapter = adapts ? Adapt(pass, x, rows, first, _scale * _projection.Scale) : default;
            if (y is not null)
                Multiply(pass, x, y, rows, _projection.Scale, add, adapter);
        }
        var bias = _bias is null || pass.IsBase ? _projection.Bias : _bias.Value;
        if (bias is not null && y is not null)
            Add.Bias(y, bias, rows, _projection.Rows);
    }

    /// <summary>
    /// dx[rows, inputs] = or += the gradient, from x and that of y; null: not needed. Gradients of trained parameters are accumulated.
    /// </summary>
    public void Backward(TrainingPass pass, float* x, float* dy, float* dx, int rows, int first = 0, bool add = false)
    {
        BackwardInput(pass, dy, dx, rows, first, add);
        BackwardParameters(pass, x, dy, rows, first);
    }

    /// <summary>The first half, which does not read x.</summary>
    public void BackwardInput(TrainingPass pass, float* dy, float* dx, int rows, int first = 0, bool add = false)
    {
        if (rows == 0)
            return;
        var (outputs, inputs, scale) = (_projection.Rows, _projection.Columns, _projection.Scale);
        if (_magnitude is not null)
        {
            RowScales.Apply(dy, _gain.Floats, ResultGradient(first), rows, outputs, add: false, pass.Pool);
            dy = ResultGradient(first);
            scale = 1;
        }
        Matrix dys = new(dy, rows, outputs), dxs = new(dx, rows, inputs);
        NarrowProduct adapter = default;
        if (_a is not null)
        {
            var dInner = new Matrix(_places.InnerGradient.Floats + (long)first * _a.Rows, rows, _a.Rows);
            Gemm.Multiply(dys, new Matrix(_b!.Value, outputs, _a.Rows), dInner, pass.Pool, scale * _scale);
            adapter = new(dInner, new Matrix(_a.Value, _a.Rows, inputs), 1);
        }
        if (dx is null)
            return;
        if (_weight is null)
            Gemm.Backward(dys, _projection.Matrix, dxs, pass.Pool, scale, add, pass.UsesBFloat16, adapter);
        else
            Gemm.Multiply(dys, new Matrix(_weight.Value, outputs, inputs), dxs, pass.Pool, scale, add, pass.UsesBFloat16);
    }

    /// <summary>The second half: gradients of trained parameters, after the first of the same dy.</summary>
    public void BackwardParameters(TrainingPass pass, float* x, float* dy, int rows, int first = 0)
    {
        if (rows == 0)
            return;
        var (outputs, inputs, scale) = (_projection.Rows, _projection.Columns, _projection.Scale);
        if (_bias is not null)
            ColumnSums.Add(dy, _bias.Gradient, rows, outputs, pass.Pool);
        if (_magnitude is not null)
        {
            ColumnSums.AddProducts(dy, _places.Result.Floats + (long)first * outputs, _inverseNorm.Floats, _magnitude.Gradient,
                rows, outputs, pass.Pool);
            dy = ResultGradient(first);
            scale = 1;
        }
        Matrix dys = new(dy, rows, outputs), xs = new(x, rows, inputs);
        if (_weight is not null)
            Gemm.Multiply(dys.Transposed, xs, new Matrix(_weight.Gradient, outputs, inputs), pass.Pool, scale,
                add: true, pass.UsesBFloat16);
        if (_a is null)
            return;
        var rank = _a.Rows;
        var inner = new Matrix(_places.Inner.Floats + (long)first * rank, rows, rank);
        var dInner = new Matrix(_places.InnerGradient.Floats + (long)first * rank, rows, rank);
        // The narrow side is the one whose columns are apart, which is copied.
        Gemm.Multiply(inner.Transposed, dys, new Matrix(_b!.Gradient, outputs, rank).Transposed, pass.Pool, scale * _scale, add: true);
        Gemm.Multiply(dInner.Transposed, xs, new Matrix(_a.Gradient, rank, inputs), pass.Pool, add: true);
    }

    float* ResultGradient(int first) => _places.ResultGradient.Floats + (long)first * _projection.Rows;

    /// <summary>DoRA's row norms of the parameters as they are: ‖W‖² + 2s·(W·Aᵀ)⊙B + s²·(B·(A·Aᵀ))⊙B, summed over the rank.</summary>
    public void Prepare(WorkerPool pool)
    {
        var (rank, rows, columns) = (_a!.Rows, _projection.Rows, _projection.Columns);
        var a = new Matrix(_a.Value, rank, columns);
        var wa = new Matrix(Product.Floats, rank, rows);
        Gemm.Forward(a, _projection.Matrix, wa, pool);                                  // [rank, rows]: A·Wᵀ
        var square = Square.Floats;
        Gemm.Multiply(a, a.Transposed, new Matrix(square, rank, rank), pool);           // [rank, rank]: A·Aᵀ
        for (var row = 0; row < rows; row++)
        {
            var b = _b!.Value + (long)row * rank;
            double mixed = 0, own = 0;
            for (var i = 0; i < rank; i++)
            {
                mixed += (double)wa.Data[(long)i * rows + row] * b[i];
                for (var j = 0; j < rank; j++)
                    own += (double)b[i] * square[i * rank + j] * b[j];
            }
            var norm = Math.Sqrt(Math.Max(0, _squares.Floats[row] + 2.0 * _scale * mixed + (double)_scale * _scale * own));
            var inverse = norm > 0 ? _projection.Scale / norm : 0;
            (_inverseNorm.Floats[row], _gain.Floats[row]) = ((float)inverse, (float)(inverse * _magnitude!.Value[row]));
        }
    }

    void StartMagnitude(Parameter magnitude)
    {
        RowNorms.Squares(_projection.Matrix, _squares.Floats);
        for (var row = 0; row < magnitude.Columns; row++)
            magnitude.Value[row] = MathF.Sqrt(_squares.Floats[row]);
    }

    void Multiply(TrainingPass pass, float* x, float* y, int rows, float scale, bool add, NarrowProduct adapter)
    {
        Matrix xs = new(x, rows, _projection.Columns), ys = new(y, rows, _projection.Rows);
        if (_weight is null || pass.IsBase)
            Gemm.Forward(xs, _projection.Matrix, ys, pass.Pool, scale, add, pass.UsesBFloat16, adapter);
        else
            Gemm.Multiply(xs, new Matrix(_weight.Value, _projection.Rows, _projection.Columns).Transposed, ys, pass.Pool,
                scale, add, pass.UsesBFloat16);
    }

    // inner = A·x; what is added to the projection: scale · B·inner.
    NarrowProduct Adapt(TrainingPass pass, float* x, int rows, int first, float scale)
    {
        var rank = _a!.Rows;
        var inner = new Matrix(_places.Inner.Floats + (long)first * rank, rows, rank);
        var a = new Matrix(_a.Value, rank, _projection.Columns);
        Gemm.Multiply(new Matrix(x, rows, _projection.Columns), a.Transposed, inner, pass.Pool);
        return new(inner, new Matrix(_b!.Value, _projection.Rows, rank).Transposed, scale);
    }
}
