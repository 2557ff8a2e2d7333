using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Models.Blocks;
using Banyan.Training.Passes;

namespace Banyan.Training.Blocks;

/// <summary>y = x + after(block(before(x))) and its backward pass.</summary>
internal sealed unsafe class ResidualGradient
{
    readonly BlockGradient _block;
    readonly NormGradient? _before, _after;
    readonly Slot _input, _dInput, _update, _dUpdate;
    readonly int _columns;

    public ResidualGradient(Residual residual, GradientBuilder at)
    {
        _columns = residual.Block.Columns;
        var mark = at.Scratch.Mark();
        (_input, _dInput) = (at.Borrow(_columns), at.Borrow(_columns));
        _before = residual.Before is { } before ? at.Norm(before) : null;
        if (residual.After is { } after)
        {
            _after = at.Norm(after);
            (_update, _dUpdate) = (at.Keep(_columns), at.Borrow(_columns));
        }
        _block = BlockGradient.Of(residual.Block, at);
        at.Scratch.Return(mark);
    }

    /// <summary>
    /// y[rows, embedding] of x, which may be the same memory; if y is null, only what the backward pass needs is computed.
    /// </summary>
    public void Forward(TrainingPass pass, float* x, float* y)
    {
        var input = Input(pass, x);
        if (y != x && y is not null)
            Copy(x, y, pass.Rows);
        if (_after is null)
        {
            _block.Forward(pass, input, y);
            return;
        }
        new Span<float>(_update.Floats, checked(pass.Rows * _columns)).Clear();
        _block.Forward(pass, input, _update.Floats);
        if (y is null)
            return;
        _after.Forward(pass, _update.Floats, _dUpdate.Floats, pass.Rows);
        Add.Apply(y, _dUpdate.Floats, (long)pass.Rows * _columns, pass.Pool);
    }

    /// <summary>
    /// dx[rows, embedding], the gradient of y, becomes that of x; <paramref name="below"/>: whether anything below is trained.
    /// </summary>
    public void Backward(TrainingPass pass, float* x, float* dx, bool below)
    {
        float* input = Input(pass, x), dUpdate = dx;
        if (_after is not null)
            _after.Backward(pass, _update.Floats, dx, dUpdate = _dUpdate.Floats, pass.Rows, add: false);
        below |= _before is { IsTrained: true };
        _block.Backward(pass, input, dUpdate, below ? _dInput.Floats : null);
        if (!below)
            return;
        if (_before is not null)
            _before.Backward(pass, x, _dInput.Floats, dx, pass.Rows, add: true);
        else
            Add.Apply(dx, _dInput.Floats, (long)pass.Rows * _columns, pass.Pool);
    }

    float* Input(TrainingPass pass, float* x)
    {
        if (_before is null)
        {
            // A copy: the output may lie where x does.
            Copy(x, _input.Floats, pass.Rows);
            return _input.Floats;
        }
        _before.Forward(pass, x, _input.Floats, pass.Rows);
        return _input.Floats;
    }

    void Copy(float* from, float* to, int rows)
    {
        var bytes = (long)rows * _columns * sizeof(float);
        Buffer.MemoryCopy(from, to, bytes, bytes);
    }
}
