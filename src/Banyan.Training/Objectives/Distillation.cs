using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;
using Banyan.Training.Passes;
using Banyan.Training.Results;

namespace Banyan.Training.Objectives;

/// <summary>
/// Training on a teacher's distribution for every target instead of the target itself (arXiv 1503.02531): the divergence KL(teacher ‖
/// student), over the teacher's likeliest tokens and all others together. With p and q their probabilities, r and s those of all others
/// together, both from logits ÷ T:
/// <code>
/// loss      T² · (Σ p · ln(p/q) + r · ln(r/s))
/// gradient  of the likeliest: T · (q − p); of any other: T · q · (1 − r/s)
/// </code>
/// A part of it may be the cross-entropy of the data's own tokens.
/// </summary>
/// <param name="teacher">The teacher.</param>
/// <param name="temperature">T: above 1 the unlikely tokens count more.</param>
/// <param name="mix">The teacher's share of the loss.</param>
internal sealed class Distillation(Model teacher, double temperature = 1, double mix = 1) : Objective
{
    readonly TeacherLoss _loss = new(temperature, mix);

    public override (double Loss, double Margin) Run(Network network, float? weight)
    {
        var pass = network.Pass;
        Ask(pass, network.Head.Vocabulary);
        network.Forward();
        if (weight is { } factor)
        {
            network.Head.Coefficients[..pass.TargetCount].Fill(factor);
            network.Backward(_loss);
        }
        else
            network.Losses(_loss);
        var sum = 0.0;
        foreach (var loss in network.Head.Losses[..pass.TargetCount])
            sum += loss;
        return (sum, 0);
    }

    // What the teacher says at each target, text by text.
    void Ask(TrainingPass pass, int vocabulary)
    {
        var targets = new int[pass.Rows]; // of a row, 1 + its place among the targets
        for (var i = 0; i < pass.TargetCount; i++)
            targets[pass.TargetRows[i]] = i + 1;
        _loss.Make(pass.TargetCount);
        foreach (var segment in pass.Segments.ToArray())
            RuntimeLogits.Of(teacher, pass.Tokens.Slice(segment.First, segment.Count), null, (row, logits) =>
            {
                if (targets[segment.First + row] is > 0 and var target)
                    _loss.Set(target - 1, logits[..Math.Min(logits.Length, vocabulary)]); // beyond it are paddings
            });
    }
}

/// <summary>The loss of logits against a teacher's likeliest tokens, and in part against the data's.</summary>
internal sealed unsafe class TeacherLoss(double temperature = 1, double mix = 1) : TokenLoss
{
    [ThreadStatic]
    static float[]? s_logits;

    /// <summary>The number of teacher tokens that are kept separately.</summary>
    public const int Most = 64;

    const double Least = 1e-12;

    int[] _tokens = [];
    float[] _shares = [];
    double[] _others = [], _entropies = [];

    /// <summary>Allocates memory for the given number of targets.</summary>
    public void Make(int targets)
    {
        if (_others.Length < targets)
            (_tokens, _shares, _others, _entropies) =
                (new int[targets * Most], new float[targets * Most], new double[targets], new double[targets]);
    }

    /// <summary>The teacher's distribution for a target.</summary>
    public void Set(int target, Span<float> logits)
    {
        if (temperature != 1)
            foreach (ref var logit in logits)
                logit /= (float)temperature;
        var (log, count) = (Distribution.LogSumExp(logits), Math.Min(Most, logits.Length));
        Span<int> tokens = _tokens.AsSpan(target * Most, Most);
        Span<float> shares = _shares.AsSpan(target * Most, Most);
        tokens.Fill(-1);
        var likeliest = new PriorityQueue<int, float>(count); // the least of them first
        for (var token = 0; token < logits.Length; token++)
            if (likeliest.Count < count)
                likeliest.Enqueue(token, logits[token]);
            else if (likeliest.TryPeek(out _, out var least) && logits[token] > least)
                likeliest.EnqueueDequeue(token, logits[token]);
        var (left, entropy) = (1.0, 0.0);
        for (var i = 0; likeliest.TryDequeue(out var token, out _); i++)
        {
            var share = Math.Exp(logits[token] - log);
            (tokens[i], shares[i], left) = (token, (float)share, left - share);
            entropy -= share > 0 ? share * Math.Log(share) : 0;
        }
        _others[target] = logits.Length > Most ? Math.Max(0, left) : 0;
        _entropies[target] = entropy - (_others[target] > 0 ? _others[target] * Math.Log(_others[target]) : 0);
    }

    public override double Row(int index, int token, float* logits, int count, float coefficient)
    {
        if (mix == 1)
            return Divergence(index, logits, count, coefficient);
        if (s_logits is null || s_logits.Length < count)
            s_logits = new float[count];
        new Span<float>(logits, count).CopyTo(s_logits);
        double own;
        fixed (float* copy = s_logits)
            own = CrossEntropy.Instance.Row(index, token, copy, count, (float)(coefficient * (1 - mix)));
        var divergence = Divergence(index, logits, count, (float)(coefficient * mix));
        for (var i = 0; i < count; i++)
            logits[i] += s_logits[i];
        return mix * divergence + (1 - mix) * own;
    }

    double Divergence(int index, float* logits, int count, float coefficient)
    {
        if (temperature != 1)
        {
            Runtime.Kernels.Operations.Scale.Apply(logits, (float)(1 / temperature), count);
            coefficient *= (float)temperature;
        }
        Span<int> tokens = _tokens.AsSpan(index * Most, Most);
        Span<float> shares = _shares.AsSpan(index * Most, Most);
        var (largest, loss) = (Runtime.Kernels.Operations.Softmax.Largest(logits, count), -_entropies[index]);
        var sum = CrossEntropy.Exp(logits, largest, count);
        Span<float> own = stackalloc float[Most];
        for (var i = 0; i < Most && tokens[i] >= 0; i++)
        {
            (own[i], logits[tokens[i]]) = (logits[tokens[i]], 0);
            loss -= shares[i] * Math.Log(Math.Max(Least, own[i] / sum));
        }
        double rest = 0, others = _others[index];
        for (var i = 0; i < count; i++)
            rest += logits[i];
        rest = Math.Max(Least, rest / sum);
        if (others > 0)
            loss -= others * Math.Log(rest);
        Runtime.Kernels.Operations.Scale.Apply(logits, (float)(coefficient / sum * (1 - others / rest)), count);
        for (var i = 0; i < Most && tokens[i] >= 0; i++)
            logits[tokens[i]] = (float)(coefficient * (own[i] / sum - shares[i]));
        return temperature * temperature * loss;
    }
}
