using System.Runtime.Intrinsics;

namespace Banyan.Sprout.Training;

/// <summary>What stands between the matrix products, forward and backward, one pass over memory each. Widths are multiples of 8.</summary>
internal static unsafe class FusedKernels
{
    /// <summary>n = x · r · gain, r = 1/√(mean x² + ε); keeps r for the way back.</summary>
    public static void Norm(int rows, int width, float epsilon, float* x, float* gain, float* n, float* r)
    {
        for (int t = 0; t < rows; t++, x += width, n += width)
        {
            var sum = Vector256<float>.Zero;
            for (int i = 0; i < width; i += 8)
            {
                var v = Vector256.Load(x + i);
                sum = Vector256.FusedMultiplyAdd(v, v, sum);
            }

            float scale = 1 / MathF.Sqrt((Vector256.Sum(sum) / width) + epsilon);
            r[t] = scale;
            for (int i = 0; i < width; i += 8)
            {
                (Vector256.Load(x + i) * scale * Vector256.Load(gain + i)).Store(n + i);
            }
        }
    }

    /// <summary>dx += r·(dn·gain) − x·r³/width·Σ(dn·gain·x); dgain += dn·x·r.</summary>
    public static void NormBackward(int rows, int width, float* x, float* gain, float* r, float* dn, float* dx, float* dgain)
    {
        for (int t = 0; t < rows; t++, x += width, dn += width, dx += width)
        {
            float scale = r[t];
            var dot = Vector256<float>.Zero;
            for (int i = 0; i < width; i += 8)
            {
                var product = Vector256.Load(dn + i) * Vector256.Load(x + i);
                dot = Vector256.FusedMultiplyAdd(product, Vector256.Load(gain + i), dot);
                Vector256.FusedMultiplyAdd(product, Vector256.Create(scale), Vector256.Load(dgain + i)).Store(dgain + i);
            }

            float pull = -scale * scale * scale * Vector256.Sum(dot) / width;
            for (int i = 0; i < width; i += 8)
            {
                var straight = Vector256.FusedMultiplyAdd(Vector256.Load(dn + i) * Vector256.Load(gain + i), Vector256.Create(scale), Vector256.Load(dx + i));
                Vector256.FusedMultiplyAdd(Vector256.Load(x + i), Vector256.Create(pull), straight).Store(dx + i);
            }
        }
    }

    /// <summary>Adds the bias to every row, then turns the first <paramref name="rotatedHeads"/> heads by their position.</summary>
    public static void BiasAndRotate(int rows, int width, int headSize, int rotatedHeads, float* bias, float* cos, float* sin, float* x)
    {
        int half = headSize / 2;
        for (int t = 0; t < rows; t++, x += width, cos += half, sin += half)
        {
            Add(width, bias, x);
            for (float* head = x; head < x + (rotatedHeads * headSize); head += headSize)
            {
                for (int i = 0; i < half; i += 8)
                {
                    var (a, b) = (Vector256.Load(head + i), Vector256.Load(head + half + i));
                    var (c, s) = (Vector256.Load(cos + i), Vector256.Load(sin + i));
                    ((a * c) - (b * s)).Store(head + i);
                    ((b * c) + (a * s)).Store(head + half + i);
                }
            }
        }
    }

    /// <summary>Turns back, then adds up the rows for the bias.</summary>
    public static void BiasAndRotateBackward(int rows, int width, int headSize, int rotatedHeads, float* cos, float* sin, float* dx, float* dbias)
    {
        int half = headSize / 2;
        for (int t = 0; t < rows; t++, dx += width, cos += half, sin += half)
        {
            for (float* head = dx; head < dx + (rotatedHeads * headSize); head += headSize)
            {
                for (int i = 0; i < half; i += 8)
                {
                    var (a, b) = (Vector256.Load(head + i), Vector256.Load(head + half + i));
                    var (c, s) = (Vector256.Load(cos + i), Vector256.Load(sin + i));
                    ((a * c) + (b * s)).Store(head + i);
                    ((b * c) - (a * s)).Store(head + half + i);
                }
            }

            Add(width, dx, dbias);
        }
    }

    /// <summary>Softmax of rows [0, rows) over columns 0…firstPosition+row; zero behind them.</summary>
    public static void CausalSoftmax(int rows, int columns, int firstPosition, float* s)
    {
        for (int t = 0; t < rows; t++, s += columns)
        {
            int visible = firstPosition + t + 1;
            new Span<float>(s + visible, columns - visible).Fill(float.NegativeInfinity);
            float max = Max(columns, s);
            float sum = ExpOf(columns, s, max);
            Scale(columns, s, 1 / sum);
        }
    }

    /// <summary>dp becomes ds = p·(dp − Σ dp·p)·scale.</summary>
    public static void SoftmaxBackward(int rows, int columns, float scale, float* p, float* dp)
    {
        for (int t = 0; t < rows; t++, p += columns, dp += columns)
        {
            var dot = Vector256<float>.Zero;
            for (int i = 0; i < columns; i += 8)
            {
                dot = Vector256.FusedMultiplyAdd(Vector256.Load(p + i), Vector256.Load(dp + i), dot);
            }

            var sum = Vector256.Create(Vector256.Sum(dot));
            for (int i = 0; i < columns; i += 8)
            {
                (Vector256.Load(p + i) * (Vector256.Load(dp + i) - sum) * scale).Store(dp + i);
            }
        }
    }

    /// <summary>h = silu(g) · u.</summary>
    public static void Swish(int count, float* g, float* u, float* h)
    {
        for (int i = 0; i < count; i += 8)
        {
            var gate = Vector256.Load(g + i);
            (gate / (Vector256<float>.One + Vector256.Exp(-gate)) * Vector256.Load(u + i)).Store(h + i);
        }
    }

    /// <summary>g and u become dg and du.</summary>
    public static void SwishBackward(int count, float* dh, float* g, float* u)
    {
        for (int i = 0; i < count; i += 8)
        {
            var (gate, up, d) = (Vector256.Load(g + i), Vector256.Load(u + i), Vector256.Load(dh + i));
            var sigmoid = Vector256<float>.One / (Vector256<float>.One + Vector256.Exp(-gate));
            (d * up * sigmoid * (Vector256<float>.One + (gate * (Vector256<float>.One - sigmoid)))).Store(g + i);
            (d * gate * sigmoid).Store(u + i);
        }
    }

    /// <summary>Logits become scale · (softmax − one at the target); returns the rows' summed loss in nats.</summary>
    public static double CrossEntropy(int rows, int vocabulary, ReadOnlySpan<ushort> targets, float scale, float* logits)
    {
        double loss = 0;
        for (int t = 0; t < rows; t++, logits += vocabulary)
        {
            float max = Max(vocabulary, logits), target = logits[targets[t]];
            float sum = ExpOf(vocabulary, logits, max);
            loss += Math.Log(sum) + max - target;
            Scale(vocabulary, logits, scale / sum);
            logits[targets[t]] -= scale;
        }

        return loss;
    }

    public static void Add(int count, float* x, float* into)
    {
        for (int i = 0; i < count; i += 8)
        {
            (Vector256.Load(into + i) + Vector256.Load(x + i)).Store(into + i);
        }
    }

    private static float Max(int count, float* x)
    {
        var max = Vector256.Load(x);
        for (int i = 8; i < count; i += 8)
        {
            max = Vector256.Max(max, Vector256.Load(x + i));
        }

        float most = max[0];
        for (int i = 1; i < 8; i++)
        {
            most = MathF.Max(most, max[i]);
        }

        return most;
    }

    private static float ExpOf(int count, float* x, float max)
    {
        var sum = Vector256<float>.Zero;
        var offset = Vector256.Create(max);
        for (int i = 0; i < count; i += 8)
        {
            var e = Vector256.Exp(Vector256.Load(x + i) - offset);
            e.Store(x + i);
            sum += e;
        }

        return Vector256.Sum(sum);
    }

    private static void Scale(int count, float* x, float factor)
    {
        for (int i = 0; i < count; i += 8)
        {
            (Vector256.Load(x + i) * factor).Store(x + i);
        }
    }
}
