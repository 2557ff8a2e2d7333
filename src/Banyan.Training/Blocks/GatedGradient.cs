using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Models.Blocks;
using Banyan.Training.Kernels;
using Banyan.Training.Passes;

namespace Banyan.Training.Blocks;

/// <summary>SwiGLU or GEGLU and its backward pass: down · (activation(gate·x) ⊙ (up·x)).</summary>
internal sealed unsafe class GatedGradient : BlockGradient
{
    readonly LinearGradient _gate, _up, _down;
    readonly Slot _g, _u, _hidden;
    readonly int _columns;
    readonly GateActivation _activation;

    public GatedGradient(GatedFeedForward block, GradientBuilder at)
    {
        (_columns, _activation) = (block.Down.Columns, block.Activation);
        (_gate, _up, _down) = (at.Linear(block.Gate), at.Linear(block.Up), at.Linear(block.Down));
        (_g, _u) = (at.Keep(_columns), at.Keep(_columns));
        _hidden = at.Borrow(_columns);
    }

    public override void Forward(TrainingPass pass, float* input, float* output)
    {
        _gate.Forward(pass, input, _g.Floats, pass.Rows);                  // g, u, hidden [rows, feedForward]
        _up.Forward(pass, input, _u.Floats, pass.Rows);
        Gating.Forward(_g.Floats, _u.Floats, _hidden.Floats, (long)pass.Rows * _columns, _activation, pass.Pool);
        _down.Forward(pass, _hidden.Floats, output, pass.Rows, add: true);
    }

    public override void Backward(TrainingPass pass, float* input, float* dOutput, float* dInput)
    {
        var hidden = _hidden.Floats;
        _down.BackwardInput(pass, dOutput, hidden, pass.Rows);             // the gradient of hidden
        Gating.Backward(_g.Floats, _u.Floats, hidden, (long)pass.Rows * _columns, _activation, pass.Pool);
        _down.BackwardParameters(pass, hidden, dOutput, pass.Rows);        // hidden again
        _gate.Backward(pass, input, _g.Floats, dInput, pass.Rows);
        _up.Backward(pass, input, _u.Floats, dInput, pass.Rows, add: true);
    }
}
