using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Assembled;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Rungs;

namespace Banyan.Runtime.Tests.Kernels;

/// <summary>What scales take beside products: a block's 8 products a token, and what the contract of a kind multiplies besides.</summary>
public class ProductPortsTests
{
    /// <summary>
    /// Scale of row × token, scale × sum; the minimum; each half's scale. Two terms have one scale, but the halves of each are added up.
    /// </summary>
    [Theory]
    [InlineData("Q8_0", 2, 2)]
    [InlineData("Q4_0", 2, 2)]
    [InlineData("Q5_0", 2, 2)]
    [InlineData("Q4_K", 3, 3)]
    [InlineData("Q5_K", 3, 3)]
    [InlineData("Q6_K", 4, 7)]
    [InlineData("Q3_K", 3, 5)]
    [InlineData("Q2_K", 4, 4)]
    public void A_block_is_multiplied_by_its_scales(string name, int multiplications, int ofTwoTerms)
    {
        var kind = PackedFormat.All.First(f => f.Format.Name == name).Kind;
        foreach (var form in Enum.GetValues<VectorForm>())
        {
            Assert.Equal((8.0 + multiplications) / 8, ProductPorts.PerProduct(form, kind, terms: 1), 1e-12);
            Assert.Equal((16.0 + ofTwoTerms) / 8, ProductPorts.PerProduct(form, kind, terms: 2), 1e-12);
        }
    }

    /// <summary>An instruction does half as many products of 16 bits, and nothing besides.</summary>
    [Fact]
    public void Products_of_16_bits_take_twice_the_instructions() => Assert.Equal(2, ProductPorts.PerPair, 1e-12);

    [Fact]
    public void Rungs_that_are_assembled_tell_it_of_every_format()
    {
        foreach (var rung in Ladder.All)
            foreach (var format in PackedFormat.All)
                Assert.Equal(rung.Form is not null, rung.PortsPerProduct(format, terms: 1) >= 1);
    }
}
