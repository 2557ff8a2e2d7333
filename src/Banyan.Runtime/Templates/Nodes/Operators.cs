using Banyan.Runtime.Templates.Values;

namespace Banyan.Runtime.Templates.Nodes;

sealed class And(Expression left, Expression right) : Expression
{
    protected override Value Compute(Render r) => left.Evaluate(r) is { IsTrue: false } value ? value : right.Evaluate(r);
}

sealed class Or(Expression left, Expression right) : Expression
{
    protected override Value Compute(Render r) => left.Evaluate(r) is { IsTrue: true } value ? value : right.Evaluate(r);
}

sealed class Not(Expression operand) : Expression
{
    protected override Value Compute(Render r) => !operand.Evaluate(r).IsTrue;
}

/// <summary>Unary minus and plus.</summary>
sealed class Sign(Expression operand, bool negative) : Expression
{
    protected override Value Compute(Render r) => Arithmetic.Sign(operand.Evaluate(r), negative);
}

enum Operator { Add, Subtract, Multiply, Divide, FloorDivide, Modulo, Power }

sealed class Binary(Operator op, Expression left, Expression right) : Expression
{
    protected override Value Compute(Render r) => Arithmetic.Apply(r, op, left.Evaluate(r), right.Evaluate(r));
}

/// <summary><c>a ~ b ~ c</c>: the concatenation of all as strings.</summary>
sealed class Concatenate(Expression[] parts) : Expression
{
    protected override Value Compute(Render r)
    {
        var texts = new string[parts.Length];
        var length = 0L;
        for (var i = 0; i < parts.Length; i++)
            length += (texts[i] = Printer.Str(r, parts[i].Evaluate(r))).Length;
        r.Charge(2 * length + 32);
        return new TextValue(string.Concat(texts));
    }
}

enum Comparison { Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual, In, NotIn }

/// <summary><c>a &lt; b &lt;= c</c>: true if each pair holds; stops at the first that does not.</summary>
sealed class Compare(Expression first, (Comparison Operator, Expression Operand)[] rest) : Expression
{
    protected override Value Compute(Render r)
    {
        var left = first.Evaluate(r);
        foreach (var (op, operand) in rest)
        {
            var right = operand.Evaluate(r);
            if (!Holds(r, op, left, right))
                return false;
            left = right;
        }
        return true;
    }

    public static bool Holds(Render r, Comparison op, Value a, Value b) => op switch
    {
        Comparison.Equal => Equality.AreEqual(r, a, b),
        Comparison.NotEqual => !Equality.AreEqual(r, a, b),
        Comparison.Less => Equality.Order(r, a, b, "<") < 0,
        Comparison.LessOrEqual => Equality.Order(r, a, b, "<=") <= 0,
        Comparison.Greater => Equality.Order(r, a, b, ">") > 0,
        Comparison.GreaterOrEqual => Equality.Order(r, a, b, ">=") >= 0,
        Comparison.In => Sequences.Contains(r, b, a),
        _ => !Sequences.Contains(r, b, a),
    };
}
