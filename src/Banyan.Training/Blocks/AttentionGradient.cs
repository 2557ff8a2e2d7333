using Banyan.Runtime.Models;
using Banyan.Runtime.Models.Blocks;
using Banyan.Training.Kernels;
using Banyan.Training.Passes;

namespace Banyan.Training.Blocks;

/// <summary>Grouped-query attention and its backward pass, over the pass's texts.</summary>
internal sealed unsafe class AttentionGradient : BlockGradient
{
    readonly AttentionShape _shape;
    readonly LinearGradient _query, _key, _value, _output;
    readonly NormGradient? _queryNorm, _keyNorm;
    readonly Slot _q, _k, _v, _plainQ, _plainK, _attended, _logSums;       // kept
    readonly Slot _dq, _dk, _dv, _dkByHead, _dvByHead, _dAttended;         // borrowed

    public AttentionGradient(Attention block, GradientBuilder at)
    {
        _shape = block.Shape;
        (_query, _key, _value, _output) = (at.Linear(block.Query), at.Linear(block.Key), at.Linear(block.Value), at.Linear(block.Output));
        (_q, _k, _v) = (at.Keep(_shape.QueryColumns), at.Keep(_shape.KeyColumns), at.Keep(_shape.ValueColumns));
        (_attended, _logSums) = (at.Keep(_shape.OutputColumns), at.Keep(_shape.Heads));
        if (block.QueryNorm is { } queryNorm && block.KeyNorm is { } keyNorm)
        {
            var byHead = _shape.Norm == QueryKeyNorm.Head;
            (_queryNorm, _keyNorm) = (at.Norm(queryNorm, byHead ? _shape.Heads : 1), at.Norm(keyNorm, byHead ? _shape.KvHeads : 1));
            (_plainQ, _plainK) = (at.Keep(_shape.QueryColumns), at.Keep(_shape.KeyColumns));
        }
        (_dq, _dk, _dv) = (at.Borrow(_shape.QueryColumns), at.Borrow(_shape.KeyColumns), at.Borrow(_shape.ValueColumns));
        (_dkByHead, _dvByHead) = (at.Borrow(_shape.QueryColumns), at.Borrow(_shape.OutputColumns));
        _dAttended = at.Borrow(_shape.OutputColumns);
        if (_shape.Rope is { } rope)
            at.Pass.Expect(rope);
        at.Needs(FlashAttention.ScratchBytes(_shape.HeadSize, _shape.ValueSize, at.Rows));
    }

    public override void Forward(TrainingPass pass, float* input, float* output)
    {
        float* q = _q.Floats, k = _k.Floats, v = _v.Floats;
        float* plainQ = _queryNorm is null ? q : _plainQ.Floats, plainK = _keyNorm is null ? k : _plainK.Floats;
        _query.Forward(pass, input, plainQ, pass.Rows);                    // q [rows, heads, headSize]
        _key.Forward(pass, input, plainK, pass.Rows);                      // k [rows, kvHeads, headSize]
        _value.Forward(pass, input, v, pass.Rows);                         // v [rows, kvHeads, valueSize]
        _queryNorm?.Forward(pass, plainQ, q, pass.Rows);
        _keyNorm?.Forward(pass, plainK, k, pass.Rows);
        if (_shape.Rope is { } rope)
        {
            pass.Rotate(q, _shape.Heads, _shape.HeadSize, rope);
            pass.Rotate(k, _shape.KvHeads, _shape.HeadSize, rope);
        }
        Flash().Forward(pass.Segments, pass.Pool);                         // attended [rows, heads, valueSize]
        _output.Forward(pass, _attended.Floats, output, pass.Rows, add: true);
    }

    public override void Backward(TrainingPass pass, float* input, float* dOutput, float* dInput)
    {
        float* dq = _dq.Floats, dk = _dk.Floats, dv = _dv.Floats;
        _output.Backward(pass, _attended.Floats, dOutput, _dAttended.Floats, pass.Rows);
        Flash().Backward(pass.Segments, pass.Pool);
        FlashAttention.SumGroups(_dkByHead.Floats, dk, pass.Rows, _shape.Heads, _shape.KvHeads, _shape.HeadSize, pass.Pool);
        FlashAttention.SumGroups(_dvByHead.Floats, dv, pass.Rows, _shape.Heads, _shape.KvHeads, _shape.ValueSize, pass.Pool);
        if (_shape.Rope is { } rope)
        {
            pass.Rotate(dq, _shape.Heads, _shape.HeadSize, rope, back: true);
            pass.Rotate(dk, _shape.KvHeads, _shape.HeadSize, rope, back: true);
        }
        _queryNorm?.Backward(pass, _plainQ.Floats, dq, dq, pass.Rows, add: false);
        _keyNorm?.Backward(pass, _plainK.Floats, dk, dk, pass.Rows, add: false);
        _query.Backward(pass, input, dq, dInput, pass.Rows);
        _key.Backward(pass, input, dk, dInput, pass.Rows, add: true);
        _value.Backward(pass, input, dv, dInput, pass.Rows, add: true);
    }

    FlashAttention Flash() => new()
    {
        Heads = _shape.Heads,
        KvHeads = _shape.KvHeads,
        HeadSize = _shape.HeadSize,
        ValueSize = _shape.ValueSize,
        Scale = _shape.Scale,
        Window = _shape.Window,
        Q = _q.Floats,
        K = _k.Floats,
        V = _v.Floats,
        O = _attended.Floats,
        LogSums = _logSums.Floats,
        Do = _dAttended.Floats,
        Dq = _dq.Floats,
        Dk = _dkByHead.Floats,
        Dv = _dvByHead.Floats,
    };
}
