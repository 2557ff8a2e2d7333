namespace Banyan.Runtime.Synthesis;

/// <summary>
/// Constructed weights that copy: an induction head (Olsson et al. 2022) that finds where the last 48 tokens occurred before and
/// continues as the text continued there, with a table in the prompt of tokens to replace on the way. For a speculator this looks like
/// editing a file, at the size, and so at the cost per token, of sprout or of a model of 1.5 billion weights; the remaining layers, heads
/// and dimensions are 0. Nothing is learnt.
/// <code>
/// prompt    bos, (repo_name old fim_pad new)*, …file…
/// residual  own [48]: the token's code   copied [48]: what it becomes   context [48]: the tokens before it, token t−m turned m places   flags
/// layer 0   two tokens back → context; "the token before was fim_pad", "the third before was repo_name" → flags
/// layer 1   one and three back → context; looks its own code up among those two back, where the flags are set: copied += 3 · the token there
/// layer 2   own + context of 4, 8 and 12 back → context: 15 tokens
/// layer 3   the same of 16 and 32 back: 47 tokens
/// layer 4   the position whose context is own + context, turned one place: own += its copied
/// output    the codes
/// </code>
/// Codes are random signs; turning is a cyclic shift. Heads that look a fixed distance back have constant queries and keys, which the
/// rotary embedding turns into a peak. Eight dimensions of a head are rotated; the others compare codes.
/// </summary>
sealed class Copier
{
    // blocks of 32 numbers, as activations are rounded in, hold numbers of one size
    const int Code = 48, Own = 0, Copied = 48, Context = 96;
    const int Constant = 160, IsMarker = 161, IsFirst = 162, AfterMarker = 163, IsEntry = 164, AfterEntry = 165; // flags
    const int Turning = 8, Gate = Turning + Code, Sink = Gate + 1, One = 63; // of a head; One only of values
    const float Small = 0.1f, ConstantSize = 30;

    /// <summary>The layers that are used.</summary>
    const int Layers = 5;

    /// <summary>The peak of a head that looks a fixed distance back; the next best score is lower by 15.</summary>
    float PeakAmplitude => 24 * MathF.Sqrt(MathF.Sqrt(HeadSize / 64f));

    /// <summary>The score of a context that matches; each of the 47 tokens that does not match takes its share away.</summary>
    const float MatchGain = 500;

    /// <summary>
    /// In units of what an agreeing sign adds to a score of the table, √(head size): the score for being in the table, and the score of
    /// the position to attend to for tokens that are not in it.
    /// </summary>
    const float InTable = 60, NotInTable = 94;

    float LookGain => MathF.Sqrt(HeadSize);

    /// <summary>How many codes are superimposed in the context before a layer.</summary>
    static readonly int[] s_contexts = [0, 1, 3, 15, 47];

    readonly ModelShape _shape;
    readonly ulong[] _codes;

    public Copier(ModelShape shape, ulong seed) =>
        (_shape, _codes) = (shape, Codes(shape.FirstSpecial + VocabularyKind.SproutSpecials.Length, seed));

    int Width => _shape.Embedding;

    int HeadSize => _shape.HeadSize;

    int First => _shape.FirstSpecial;

    int Marker => First + Array.IndexOf(VocabularyKind.SproutSpecials, "<|fim_pad|>");

    int Entry => First + Array.IndexOf(VocabularyKind.SproutSpecials, "<|repo_name|>");

    /// <summary>The constant that dominates every norm before layer 3, much larger than the contexts.</summary>
    float Scale(int contexts) => MathF.Sqrt(Width / (ConstantSize * ConstantSize + contexts * Code));

    /// <summary>The given number of a tensor's rows, [rows, columns].</summary>
    public float[] Weights(ShapeTensor tensor, int first, int rows)
    {
        if (tensor.Layer is not null && (first, rows) != (0, (int)(tensor.Weights / tensor.Shape[^1])))
            throw new ArgumentException($"{tensor.Name} is made whole", nameof(rows));
        var weights = new float[rows * tensor.Shape[^1]];
        if (tensor.Name.EndsWith("norm.weight", StringComparison.Ordinal))
            Array.Fill(weights, 1);
        else if (tensor.Layer is { } layer)
            Fill(layer, tensor.Name[(tensor.Name.IndexOf('.', 4) + 1)..], weights);
        else
            for (var token = first; token < Math.Min(first + rows, _codes.Length); token++) // those behind are padding
                if (tensor.Name == "output.weight")
                    Put(token, Own, 1);
                else
                    Embed(token);
        return weights;

        void Put(int token, int at, float size)
        {
            for (var c = 0; c < Code; c++)
                weights[(token - first) * Width + at + c] = size * Sign(token, c);
        }

        void Embed(int token)
        {
            var row = weights.AsSpan((token - first) * Width, Width);
            row[Constant] = ConstantSize;
            row[IsMarker] = token == Marker ? 10 : 0;
            row[IsEntry] = token == Entry ? 10 : 0;
            row[IsFirst] = token == First ? 10 : 0;
            if (token == First)
                return; // what is not in the table looks here, and finds nothing
            Put(token, Own, Small);
            Put(token, Copied, Small);
        }
    }

    void Fill(int layer, string name, float[] weights)
    {
        switch (name)
        {
            case "attn_q.bias" or "attn_k.bias" when layer <= 3:
                Peaks(layer, weights, isQuery: name == "attn_q.bias");
                break;
            case "attn_q.weight":
                Queries(layer, weights);
                break;
            case "attn_k.weight":
                Keys(layer, weights);
                break;
            case "attn_v.weight" when layer < Layers:
                Values(layer, weights);
                break;
            case "attn_v.bias" when layer == 3:
                weights[One] = 1;
                break;
            case "attn_output.weight":
                Outputs(layer, weights);
                break;
        }
    }

    /// <summary>How far back each head of a layer looks; 0 if it compares codes or is unused.</summary>
    static int Back(int layer, int head) => (layer, head) switch
    {
        (0, 0) => 2,
        (0, 1) => 1,
        (0, 2) => 3,
        (1, 1) => 1,
        (1, 2) => 3,
        (2, < 3) => 4 * (head + 1),
        (3, < 2) => 16 * (head + 1),
        _ => 0,
    };

    // A key at j rotated by j and a query at i rotated by i are at the angle (i − j − back) · frequency, which is 0 only at the wanted
    // distance.
    void Peaks(int layer, float[] weights, bool isQuery)
    {
        const int pairs = Turning / 2;
        for (var head = 0; head < (isQuery ? _shape.Heads : 1); head++)
        {
            var at = head * HeadSize;
            if (layer == 1 && head == 0 && isQuery)
                (weights[at + Gate], weights[at + Sink]) = (LookGain * InTable, LookGain * NotInTable);
            else if (!isQuery || Back(layer, head) > 0)
                for (var pair = 0; pair < pairs; pair++)
                {
                    var angle = isQuery ? Back(layer, head) * Math.Pow(_shape.RopeBase, -(double)pair / pairs) : 0;
                    weights[at + pair] = (float)(PeakAmplitude * Math.Cos(angle));
                    weights[at + pairs + pair] = (float)(-PeakAmplitude * Math.Sin(angle));
                }
        }
    }

    void Queries(int layer, float[] weights)
    {
        if (layer == 1)
            for (var c = 0; c < Code; c++)
                weights[(Turning + Turned(c, 2)) * Width + Own + c] = LookGain / (Scale(1) * Small);
        else if (layer == 4)
            for (var c = 0; c < Code; c++)
            {
                var to = (Turning + Turned(c, 1)) * Width;
                weights[to + Own + c] = MatchSize / Small;
                weights[to + Context + c] = MatchSize;
            }
    }

    /// <summary>Before layer 4 the context dominates, so that the norm gives all contexts the same length, √width.</summary>
    float MatchSize => MathF.Sqrt(MatchGain * MathF.Sqrt(HeadSize) / Width);

    void Keys(int layer, float[] weights)
    {
        if (layer is not (1 or 4))
            return;
        for (var c = 0; c < Code; c++)
            weights[(Turning + c) * Width + Context + c] = layer == 1 ? 1 / Scale(1) : MatchSize;
        if (layer == 4)
            return;
        weights[Gate * Width + AfterMarker] = weights[Gate * Width + AfterEntry] = 0.5f / (Scale(1) * 10);
        weights[Sink * Width + IsFirst] = 1 / (Scale(1) * 10);
    }

    void Values(int layer, float[] weights)
    {
        // Layer 4 reads small numbers next to contexts of 47 tokens, the others next to the constant.
        var size = layer == 4 ? MathF.Sqrt(s_contexts[layer] * Code / (float)Width) / Small : 1 / (Scale(s_contexts[layer]) * Small);
        for (var c = 0; c < Code; c++)
        {
            weights[c * Width + (layer == 4 ? Copied : Own) + c] = size;
            if (layer is 2 or 3)
                weights[c * Width + Context + c] = size * Small;
        }
        if (layer == 0)
            weights[Code * Width + IsMarker] = weights[(Code + 1) * Width + IsEntry] = 1 / (Scale(0) * 10);
    }

    void Outputs(int layer, float[] weights)
    {
        var columns = _shape.Heads * HeadSize;
        for (var head = 0; head < _shape.Heads; head++)
            for (var c = 0; c < Code; c++)
            {
                var from = head * HeadSize + c;
                if (layer == 4)
                    weights[(Own + c) * columns + from] = head == 0 ? 2 : 0;
                else if (layer == 1 && head == 0)
                    weights[(Copied + c) * columns + from] = 3 * Small;
                else if (Back(layer, head) is > 0 and var back && (layer, head) is not (0, > 0))
                    weights[(Context + Turned(c, back)) * columns + from] = 1;
            }
        if (layer == 0)
            weights[AfterMarker * columns + HeadSize + Code] = weights[AfterEntry * columns + 2 * HeadSize + Code + 1] = 10;
        else if (layer == 3)
            weights[Constant * columns + One] = -ConstantSize; // away with it: from here on the norm is the context's
    }

    static int Turned(int place, int by) => (place + by) % Code;

    float Sign(int token, int place) => (_codes[token] >> place & 1) == 0 ? 1 : -1;

    /// <summary>Random signs; no two tokens share more than 36 or fewer than 12.</summary>
    static ulong[] Codes(int count, ulong seed)
    {
        var random = new Random((int)(seed % int.MaxValue));
        var codes = new ulong[count];
        for (var i = 0; i < count;)
        {
            codes[i] = (ulong)random.NextInt64(1L << Code);
            var apart = true;
            for (var j = 0; j < i && apart; j++)
                apart = System.Numerics.BitOperations.PopCount(codes[i] ^ codes[j]) is >= 12 and <= 36;
            if (apart)
                i++;
        }
        return codes;
    }
}
