using System.Numerics;
using Banyan.Runtime.Templates.Values;
using static Banyan.Runtime.Templates.Methods.MethodTable;

namespace Banyan.Runtime.Templates.Methods;

static class NumberMethods
{
    public static readonly KeyValuePair<string, NativeFunction>[] Int =
    [
        Row("bit_length", "", (_, a) => Numbers.TryInteger(a[0], out var n) ? (int)BigInteger.Abs(n).GetBitLength() : 0),
        Row("conjugate", "", (_, a) => a[0]!),
    ];

    public static readonly KeyValuePair<string, NativeFunction>[] Float =
    [
        Row("is_integer", "", (_, a) => double.IsInteger(Numbers.Float(a[0]!))),
        Row("conjugate", "", (_, a) => a[0]!),
    ];
}
